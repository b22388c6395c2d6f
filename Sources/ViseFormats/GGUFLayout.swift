public import ViseTensor

/// A reason no GGUF file can be laid out as asked.
public enum GGUFLayoutError: Error, Hashable, Sendable {
  case duplicateTensor(String)
  /// Empty, or longer than readers accept.
  case invalidName(String)
  case invalidShape(tensor: String, shape: [Int])
  /// The rows do not hold a whole number of the type's blocks.
  case unevenRows(tensor: String, columns: Int, type: StorageType)
  case invalidAlignment
}

/// Where everything in a GGUF file will lie, known before a byte of it is written.
public struct GGUFLayout: Sendable {
  /// One tensor to be stored.
  public struct Tensor: Hashable, Sendable {
    public let name: String
    /// Outermost dimension first.
    public let shape: [Int]
    public let type: StorageType

    public init(name: String, shape: [Int], type: StorageType) {
      self.name = name
      self.shape = shape
      self.type = type
    }
  }

  public let metadata: Metadata
  /// Where each tensor's first byte is, from the start of the file, in the order given.
  public let records: [TensorRecord]
  public let alignment: Int
  /// Bytes before tensor data, padding included.
  public let headerByteCount: Int
  /// Bytes of the whole file.
  public let byteCount: Int

  /// Lays the tensors out in the order given, each padded to the metadata's alignment.
  ///
  /// Keys that describe a part of a split set are left out: the file stands alone.
  public init(metadata: Metadata, tensors: [Tensor]) throws(GGUFLayoutError) {
    let metadata = Self.whole(metadata)
    self.metadata = metadata
    let alignment = try Self.alignment(of: metadata)
    self.alignment = alignment
    let headerByteCount = Self.padded(
      Self.headerByteCount(metadata: metadata, tensors: tensors), to: alignment)
    self.headerByteCount = headerByteCount
    var records: [TensorRecord] = []
    var names = Set<String>()
    var offset = headerByteCount
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else { throw .duplicateTensor(tensor.name) }
      let bytes = try Self.byteCount(of: tensor)
      records.append(
        TensorRecord(
          name: tensor.name, shape: tensor.shape, type: tensor.type, fileIndex: 0, offset: offset,
          byteCount: bytes))
      offset += Self.padded(bytes, to: alignment)
    }
    self.records = records
    byteCount = offset
  }

  /// Bytes before the list of tensors in a file with `metadata`.
  public static func metadataByteCount(_ metadata: Metadata) -> Int {
    headerByteCount(metadata: whole(metadata), tensors: [])
  }

  private static func whole(_ metadata: Metadata) -> Metadata {
    var metadata = metadata
    for key in ["split.no", "split.count", "split.tensors.count"] { metadata[key] = nil }
    return metadata
  }

  /// The bytes before tensor data.
  public func header() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headerByteCount)
    bytes.append(littleEndian: GGUF.magic)
    bytes.append(littleEndian: UInt32(3))
    bytes.append(littleEndian: UInt64(records.count))
    bytes.append(littleEndian: UInt64(metadata.entries.count))
    for entry in metadata.entries { entry.append(to: &bytes) }
    for record in records {
      bytes.append(lengthPrefixed: record.name)
      bytes.append(littleEndian: UInt32(record.shape.count))
      for dimension in record.shape.reversed() { bytes.append(littleEndian: UInt64(dimension)) }
      bytes.append(littleEndian: record.type.rawValue)
      bytes.append(littleEndian: UInt64(record.offset - headerByteCount))
    }
    bytes.append(contentsOf: repeatElement(0, count: headerByteCount - bytes.count))
    return bytes
  }

  static func padded(_ count: Int, to alignment: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  private static func alignment(of metadata: Metadata) throws(GGUFLayoutError) -> Int {
    guard let value = metadata[GGUF.alignmentKey] else { return GGUF.defaultAlignment }
    guard case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1 else {
      throw .invalidAlignment
    }
    return Int(alignment)
  }

  private static func headerByteCount(metadata: Metadata, tensors: [Tensor]) -> Int {
    let fixed = 4 + 4 + 8 + 8
    let keys = metadata.entries.reduce(0) { $0 + $1.encodedByteCount }
    // Length and bytes of the name, dimension count, dimensions, type, offset.
    let entries = tensors.reduce(0) {
      $0 + 8 + $1.name.utf8.count + 4 + 8 * $1.shape.count + 4 + 8
    }
    return fixed + keys + entries
  }

  private static func byteCount(of tensor: Tensor) throws(GGUFLayoutError) -> Int {
    guard !tensor.name.isEmpty, tensor.name.utf8.count <= GGUF.longestTensorName else {
      throw .invalidName(tensor.name)
    }
    guard tensor.shape.count <= GGUF.mostDimensions, tensor.shape.allSatisfy({ $0 > 0 }),
      let elements = elementCount(of: tensor.shape)
    else { throw .invalidShape(tensor: tensor.name, shape: tensor.shape) }
    let columns = tensor.shape.last ?? 1
    guard columns % tensor.type.blockLength == 0 else {
      throw .unevenRows(tensor: tensor.name, columns: columns, type: tensor.type)
    }
    guard let bytes = tensor.type.byteCount(elements: elements) else {
      throw .invalidShape(tensor: tensor.name, shape: tensor.shape)
    }
    return bytes
  }
}
