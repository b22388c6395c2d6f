public import ViseTensor

/// How elements of a safetensors file are stored, by the format's names.
public enum SafetensorsElement: String, CaseIterable, Hashable, Sendable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i8 = "I8"
  case u8 = "U8"
  case i16 = "I16"
  case f8E4M3 = "F8_E4M3"
  case f8E5M2 = "F8_E5M2"
  case i32 = "I32"
  case i64 = "I64"
  case bool = "BOOL"

  public var byteCount: Int {
    switch self {
    case .i8, .u8, .bool, .f8E4M3, .f8E5M2: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    }
  }

  /// The element type of tensors stored as `type`; `nil` for ggml's blocks.
  public init?(storing type: StorageType) {
    switch type {
    case .f64: self = .f64
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .i8: self = .i8
    case .i16: self = .i16
    case .i32: self = .i32
    case .i64: self = .i64
    default: return nil
    }
  }
}

/// A reason no safetensors file can be laid out as asked.
public enum SafetensorsLayoutError: Error, Hashable, Sendable {
  case duplicateTensor(String)
  /// Empty, or the name the format keeps for metadata.
  case invalidName(String)
  /// A dimension of zero or less, or more bytes than can be counted.
  case invalidShape(tensor: String, shape: [Int])
  /// More header than readers accept.
  case headerTooLong(Int)
}

/// Where everything in a safetensors file will lie, known before a byte of it is written.
public struct SafetensorsLayout: Sendable {
  /// One tensor to be stored.
  public struct Tensor: Hashable, Sendable {
    public let name: String
    /// Outermost dimension first; a scalar is empty.
    public let shape: [Int]
    public let element: SafetensorsElement

    public init(name: String, shape: [Int], element: SafetensorsElement) {
      self.name = name
      self.shape = shape
      self.element = element
    }
  }

  /// Tensors in the order of the file.
  public let tensors: [Tensor]
  /// Bytes of each tensor.
  public let byteCounts: [Int]
  /// The bytes before tensor data: a length and the JSON header, padded to eight.
  public let header: [UInt8]
  /// Bytes of the whole file.
  public let byteCount: Int

  /// Lays the tensors out one after the other in the order given.
  ///
  /// Metadata is written in the order of its keys, so that equal contents give equal files.
  public init(
    metadata: [String: String] = [:], tensors: [Tensor]
  ) throws(SafetensorsLayoutError) {
    var names = Set<String>()
    var byteCounts: [Int] = []
    for tensor in tensors {
      guard !tensor.name.isEmpty, tensor.name != Safetensors.metadataKey else {
        throw .invalidName(tensor.name)
      }
      guard names.insert(tensor.name).inserted else { throw .duplicateTensor(tensor.name) }
      byteCounts.append(try Self.byteCount(of: tensor))
    }
    self.tensors = tensors
    self.byteCounts = byteCounts
    header = Self.header(metadata: metadata, tensors: tensors, byteCounts: byteCounts)
    guard header.count <= Safetensors.longestHeader else { throw .headerTooLong(header.count) }
    byteCount = byteCounts.reduce(header.count, +)
  }

  private static func byteCount(of tensor: Tensor) throws(SafetensorsLayoutError) -> Int {
    let bytes = elementCount(of: tensor.shape)?
      .multipliedReportingOverflow(by: tensor.element.byteCount)
    guard tensor.shape.count <= Safetensors.mostDimensions, tensor.shape.allSatisfy({ $0 > 0 }),
      let bytes, !bytes.overflow
    else { throw .invalidShape(tensor: tensor.name, shape: tensor.shape) }
    return bytes.partialValue
  }

  private static func header(
    metadata: [String: String], tensors: [Tensor], byteCounts: [Int]
  ) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        "\(JSONValue.quoted($0.key)):\(JSONValue.quoted($0.value))"
      }
      let key = JSONValue.quoted(Safetensors.metadataKey)
      members.append("\(key):{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (tensor, bytes) in zip(tensors, byteCounts) {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let name = JSONValue.quoted(tensor.name)
      members.append(
        "\(name):{\"dtype\":\"\(tensor.element.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(offset + bytes)]}")
      offset += bytes
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt64(json.count))
    return bytes + json
  }
}
