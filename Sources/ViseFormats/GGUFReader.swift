import ViseTensor

/// What one GGUF file says before its tensor data.
struct GGUFHeader {
  var version: UInt32
  var metadata: Metadata
  var tensors: [TensorRecord]
  /// Where tensor data begins; offsets in the file count from here.
  var dataOffset: Int
}

/// The facts of the GGUF format.
enum GGUF {
  static let magic: UInt32 = 0x4655_4747
  static let defaultAlignment = 32
  static let alignmentKey = "general.alignment"
  static let longestKey = 65_535
  static let longestTensorName = 255
  static let mostDimensions = 4
  /// Above anything real, low enough that records of a lying header stay small.
  static let mostTensors = 100_000
  static let mostKeys = 50_000
}

/// Reads and checks the header of one GGUF file; touches no tensor data.
func readGGUFHeader(
  _ file: MappedFile, fileIndex: Int = 0
) throws(CheckpointError) -> GGUFHeader {
  try file.withBytes { (bytes) throws(CheckpointError) in
    var reader = GGUFReader(file: file, bytes: bytes, fileIndex: fileIndex)
    return try reader.readHeader()
  }
}

private struct GGUFReader {
  let region: ByteRegion
  let fileIndex: Int
  var cursor: ByteCursor

  init(file: MappedFile, bytes: UnsafeRawBufferPointer, fileIndex: Int) {
    region = ByteRegion(file: file, range: 0..<file.byteCount)
    self.fileIndex = fileIndex
    cursor = ByteCursor(bytes: bytes, file: file.path)
  }

  mutating func readHeader() throws(CheckpointError) -> GGUFHeader {
    guard try cursor.read(UInt32.self) == GGUF.magic else {
      throw cursor.error(.unknownFormat, at: 0)
    }
    let version = try readVersion()
    // The shortest tensor entry is 24 bytes and a name; the shortest key 12, a name and a value.
    let tensorCount = try readCount(.tensors, limit: GGUF.mostTensors, smallest: 25)
    let keyCount = try readCount(.keys, limit: GGUF.mostKeys, smallest: 14)
    var metadata = Metadata()
    for _ in 0..<keyCount { try readEntry(into: &metadata) }
    let alignment = try alignment(in: metadata)
    var tensors: [PendingTensor] = []
    tensors.reserveCapacity(tensorCount)
    var names = Set<String>(minimumCapacity: tensorCount)
    for _ in 0..<tensorCount {
      let tensor = try readTensor(alignment: alignment)
      guard names.insert(tensor.name).inserted else {
        throw cursor.error(.duplicateTensor(tensor.name), at: tensor.place)
      }
      tensors.append(tensor)
    }
    let (padded, overflow) = cursor.offset.addingReportingOverflow(alignment - 1)
    guard !overflow else { throw cursor.error(.invalidAlignment(UInt64(alignment))) }
    let dataOffset = padded & ~(alignment - 1)
    return GGUFHeader(
      version: version, metadata: metadata,
      tensors: try locate(tensors, dataOffset: dataOffset), dataOffset: dataOffset)
  }

  private mutating func readVersion() throws(CheckpointError) -> UInt32 {
    let version = try cursor.read(UInt32.self)
    if (1...3).contains(version.byteSwapped) { throw cursor.error(.bigEndian, at: 4) }
    guard version == 2 || version == 3 else {
      throw cursor.error(.unsupportedVersion(version), at: 4)
    }
    return version
  }

  private mutating func readCount(
    _ quantity: CheckpointError.Quantity, limit: Int, smallest: Int
  ) throws(CheckpointError) -> Int {
    let place = cursor.offset
    let count = try cursor.read(UInt64.self)
    let most = min(limit, cursor.remaining / smallest)
    guard count <= UInt64(most) else {
      throw cursor.error(.implausible(quantity, count: count, limit: most), at: place)
    }
    return Int(count)
  }

  private mutating func readEntry(into metadata: inout Metadata) throws(CheckpointError) {
    let start = cursor.offset
    let key = try cursor.readName(limit: GGUF.longestKey)
    let type = try cursor.readType(key: key)
    let value = try cursor.readValue(of: type, in: region, key: key)
    let source = region.slice(start..<cursor.offset)
    guard metadata.append(Metadata.Entry(key: key, value: value, source: source)) else {
      throw cursor.error(.duplicateKey(key), at: start)
    }
  }

  private func alignment(in metadata: Metadata) throws(CheckpointError) -> Int {
    guard let value = metadata[GGUF.alignmentKey] else { return GGUF.defaultAlignment }
    guard case .uint32(let alignment) = value else {
      throw cursor.error(.invalidValue(key: GGUF.alignmentKey))
    }
    guard alignment.nonzeroBitCount == 1 else {
      throw cursor.error(.invalidAlignment(UInt64(alignment)))
    }
    return Int(alignment)
  }
}

/// A tensor whose place is still counted from the start of the data.
private struct PendingTensor {
  let name: String
  let shape: [Int]
  let type: StorageType
  let byteCount: Int
  let relativeOffset: UInt64
  /// Where its entry starts in the file.
  let place: Int
}

extension GGUFReader {
  private mutating func readTensor(alignment: Int) throws(CheckpointError) -> PendingTensor {
    let place = cursor.offset
    let name = try cursor.readName(limit: GGUF.longestTensorName)
    let shape = try readShape(of: name)
    let typePlace = cursor.offset
    let typeID = try cursor.read(UInt32.self)
    guard let type = StorageType(rawValue: typeID) else {
      throw cursor.error(.unknownTensorType(tensor: name, type: typeID), at: typePlace)
    }
    let columns = shape.last ?? 1
    guard columns % type.blockLength == 0 else {
      throw cursor.error(
        .unevenRows(tensor: name, columns: columns, blockLength: type.blockLength), at: typePlace)
    }
    guard let elements = elementCount(of: shape), let bytes = type.byteCount(elements: elements)
    else { throw cursor.error(.sizeOverflow(tensor: name), at: place) }
    let offsetPlace = cursor.offset
    let offset = try cursor.read(UInt64.self)
    guard offset % UInt64(alignment) == 0 else {
      throw cursor.error(.misalignedTensor(tensor: name, alignment: alignment), at: offsetPlace)
    }
    return PendingTensor(
      name: name, shape: shape, type: type, byteCount: bytes, relativeOffset: offset, place: place)
  }

  /// Reads the dimensions, which the file lists innermost first.
  private mutating func readShape(of name: String) throws(CheckpointError) -> [Int] {
    let place = cursor.offset
    let count = try cursor.read(UInt32.self)
    guard count <= UInt32(GGUF.mostDimensions) else {
      throw cursor.error(.tooManyDimensions(tensor: name, count: UInt64(count)), at: place)
    }
    var shape: [Int] = []
    for _ in 0..<count {
      let place = cursor.offset
      let raw = try cursor.read(UInt64.self)
      guard raw > 0 else { throw cursor.error(.zeroDimension(tensor: name), at: place) }
      guard let dimension = Int(exactly: raw) else {
        throw cursor.error(.sizeOverflow(tensor: name), at: place)
      }
      shape.append(dimension)
    }
    return shape.reversed()
  }

  /// Turns relative offsets into places in the file and checks that every tensor fits.
  private func locate(
    _ tensors: [PendingTensor], dataOffset: Int
  ) throws(CheckpointError) -> [TensorRecord] {
    let fileSize = cursor.bytes.count
    var records: [TensorRecord] = []
    records.reserveCapacity(tensors.count)
    for tensor in tensors {
      let (start, startOverflow) = UInt64(dataOffset)
        .addingReportingOverflow(tensor.relativeOffset)
      let (end, endOverflow) = start.addingReportingOverflow(UInt64(tensor.byteCount))
      guard !startOverflow, !endOverflow, end <= UInt64(fileSize) else {
        throw cursor.error(
          .tensorOutOfBounds(
            tensor: tensor.name, end: startOverflow || endOverflow ? .max : end, limit: fileSize),
          at: tensor.place)
      }
      records.append(
        TensorRecord(
          name: tensor.name, shape: tensor.shape, type: tensor.type, fileIndex: fileIndex,
          offset: Int(start), byteCount: tensor.byteCount))
    }
    try checkDisjoint(records, file: cursor.file)
    return records
  }
}

/// Checks that no two of one file's tensors share a byte.
func checkDisjoint(_ records: [TensorRecord], file: String) throws(CheckpointError) {
  let ordered = records.sorted { $0.offset < $1.offset }
  for (first, second) in zip(ordered, ordered.dropFirst())
  where second.offset < first.offset + first.byteCount {
    throw CheckpointError(
      file: file, offset: second.offset, reason: .overlappingTensors(first.name, second.name))
  }
}
