import ViseTensor

/// The facts of the safetensors format.
enum Safetensors {
  /// The longest header the reference implementation reads.
  static let longestHeader = 100_000_000
  static let metadataKey = "__metadata__"
  static let metadataPrefix = "safetensors."
  static let mostTensors = 100_000
  static let mostDimensions = 8

  /// The storage type of an element type's name.
  static func storageType(_ name: String) -> StorageType? {
    switch name {
    case "F64": .f64
    case "F32": .f32
    case "F16": .f16
    case "BF16": .bf16
    case "I8": .i8
    case "I16": .i16
    case "I32": .i32
    case "I64": .i64
    default: nil
    }
  }
}

/// What one safetensors file says before its tensor data.
struct SafetensorsHeader {
  var metadata: Metadata
  var tensors: [TensorRecord]
}

/// Reads and checks the header of one safetensors file; touches no tensor data.
func readSafetensorsHeader(
  _ file: MappedFile, fileIndex: Int = 0
) throws(CheckpointError) -> SafetensorsHeader {
  try file.withBytes { (bytes) throws(CheckpointError) in
    var cursor = ByteCursor(bytes: bytes, file: file.path)
    let length = try cursor.read(UInt64.self)
    guard length <= UInt64(Safetensors.longestHeader) else {
      throw cursor.error(.invalidHeaderLength(length), at: 0)
    }
    let start = cursor.offset
    try cursor.skip(length)
    let header = UnsafeRawBufferPointer(rebasing: bytes[start..<cursor.offset])
    var reader = SafetensorsReader(
      file: file.path, fileSize: bytes.count, headerStart: start, dataStart: cursor.offset,
      fileIndex: fileIndex)
    do throws(SafetensorsReader.Fault) {
      return try reader.read(header)
    } catch {
      switch error {
      case .json(let fault): throw fault.inFile(file.path, start: start)
      case .checkpoint(let fault): throw fault
      }
    }
  }
}

extension JSONError {
  /// The same fault as a checkpoint's, counted from the start of the file.
  func inFile(_ file: String, start: Int = 0) -> CheckpointError {
    CheckpointError(file: file, offset: start + offset, reason: .invalidJSON(kind))
  }
}

private struct SafetensorsReader {
  /// The reader's callbacks throw JSON errors; faults of content travel beside them.
  enum Fault: Error {
    case json(JSONError)
    case checkpoint(CheckpointError)
  }

  let file: String
  let fileSize: Int
  let headerStart: Int
  let dataStart: Int
  let fileIndex: Int
  private var metadata = Metadata()
  private var records: [TensorRecord] = []
  private var names = Set<String>()
  private var fault: CheckpointError?

  init(file: String, fileSize: Int, headerStart: Int, dataStart: Int, fileIndex: Int) {
    self.file = file
    self.fileSize = fileSize
    self.headerStart = headerStart
    self.dataStart = dataStart
    self.fileIndex = fileIndex
  }

  mutating func read(_ header: UnsafeRawBufferPointer) throws(Fault) -> SafetensorsHeader {
    var json = JSONReader(header)
    do throws(JSONError) {
      try json.readObject { (json, key) throws(JSONError) in
        try readMember(key, &json)
      }
      try json.finish()
    } catch {
      if let fault { throw .checkpoint(fault) }
      throw .json(error)
    }
    do throws(CheckpointError) {
      try checkDisjoint(records, file: file)
    } catch {
      throw .checkpoint(error)
    }
    return SafetensorsHeader(metadata: metadata, tensors: records)
  }

  /// Notes what is wrong and stops the JSON reader.
  private mutating func stop(
    _ json: JSONReader, _ reason: CheckpointError.Reason, at place: Int
  ) -> JSONError {
    fault = CheckpointError(file: file, offset: headerStart + place, reason: reason)
    return json.error(.trailingBytes)
  }

  private mutating func readMember(
    _ key: String, _ json: inout JSONReader
  ) throws(JSONError) {
    let place = json.offset
    guard !key.isEmpty else { throw stop(json, .invalidName, at: place) }
    guard names.insert(key).inserted else { throw stop(json, .duplicateTensor(key), at: place) }
    guard names.count <= Safetensors.mostTensors else {
      throw stop(
        json, .implausible(.tensors, count: UInt64(names.count), limit: Safetensors.mostTensors),
        at: place)
    }
    if key == Safetensors.metadataKey {
      try json.readObject { (json, key) throws(JSONError) in
        let value = MetadataValue.string(try json.readString())
        let entry = Metadata.Entry(key: Safetensors.metadataPrefix + key, value: value)
        guard metadata.append(entry) else { throw stop(json, .duplicateKey(key), at: json.offset) }
      }
    } else {
      records.append(try readTensor(key, &json))
    }
  }

  private mutating func readTensor(
    _ name: String, _ json: inout JSONReader
  ) throws(JSONError) -> TensorRecord {
    let place = json.offset
    var typeName: String?
    var shape: [UInt64]?
    var span: [UInt64]?
    try json.readObject { (json, key) throws(JSONError) in
      switch key {
      case "dtype" where typeName == nil: typeName = try json.readString()
      case "shape" where shape == nil:
        shape = try json.readNumbers(limit: Safetensors.mostDimensions)
      case "data_offsets" where span == nil: span = try json.readNumbers(limit: 2)
      case "dtype", "shape", "data_offsets": throw json.error(.duplicateKey(key))
      default: try json.skipValue()
      }
    }
    guard let typeName else {
      throw stop(json, .unexpectedJSON(member: name + ".dtype"), at: place)
    }
    guard let shape else { throw stop(json, .unexpectedJSON(member: name + ".shape"), at: place) }
    guard let span, span.count == 2 else {
      throw stop(json, .unexpectedJSON(member: name + ".data_offsets"), at: place)
    }
    guard let type = Safetensors.storageType(typeName) else {
      throw stop(json, .unsupportedElementType(tensor: name, type: typeName), at: place)
    }
    guard !shape.contains(0) else { throw stop(json, .zeroDimension(tensor: name), at: place) }
    let dimensions = shape.compactMap { Int(exactly: $0) }
    guard dimensions.count == shape.count, let elements = elementCount(of: dimensions),
      let bytes = type.byteCount(elements: elements)
    else { throw stop(json, .sizeOverflow(tensor: name), at: place) }
    guard span[0] <= span[1], span[1] <= UInt64(fileSize - dataStart) else {
      throw stop(
        json, .tensorOutOfBounds(tensor: name, end: span[1], limit: fileSize - dataStart),
        at: place)
    }
    guard span[1] - span[0] == UInt64(bytes) else {
      throw stop(
        json, .spanMismatch(tensor: name, expected: UInt64(bytes), found: span[1] - span[0]),
        at: place)
    }
    return TensorRecord(
      name: name, shape: dimensions, type: type, fileIndex: fileIndex,
      offset: dataStart + Int(span[0]), byteCount: bytes)
  }
}

extension JSONReader {
  /// Reads an array of at most `limit` whole numbers.
  fileprivate mutating func readNumbers(limit: Int) throws(JSONError) -> [UInt64] {
    var numbers: [UInt64] = []
    try readArray { (json) throws(JSONError) in
      guard numbers.count < limit else { throw json.error(.tooLarge) }
      numbers.append(try json.readUnsigned())
    }
    return numbers
  }
}
