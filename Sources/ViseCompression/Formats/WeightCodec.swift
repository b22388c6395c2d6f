public import ViseTensor

/// A number format's encoder and decoder for weights of rows × columns.
///
/// What `encode` writes has exactly the bytes `layout` announces, and `decode` gives exactly the
/// values every reader of an exported file computes.
public protocol WeightCodec: Hashable, Sendable {
  /// The format's name in plans.
  var name: String { get }
  /// Storage per weight in bits, scales included, for rows of many groups.
  var bitsPerWeight: Double { get }
  /// The methods that can choose its values.
  var methods: Set<Method> { get }
  /// Why rows of `columns` cannot be stored, or `nil` where they can.
  func misfit(columns: Int) -> String?
  /// The parts a stored weight consists of; requires that rows of `columns` fit.
  func layout(rows: Int, columns: Int) -> [WeightPart]
  /// Stores `weight` with as little squared error, weighed by `importance` (one number a column),
  /// as the format allows.
  func encode(_ weight: Matrix, importance: [Float]?, work: RowWork) throws -> EncodedWeight
  /// The values `encoded` stands for.
  func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix
}

extension WeightCodec {
  public var methods: Set<Method> { [.best, .roundToNearest, .weighted] }

  public func misfit(columns: Int) -> String? { nil }
}

/// One array of a stored weight, such as its codes or its scales.
public struct WeightPart: Hashable, Sendable {
  /// `codes`, `scales`, `zeros` …; unique within a weight.
  public let name: String
  /// How its elements lie in memory.
  public let type: PartType
  /// Outermost dimension first.
  public let shape: [Int]

  public init(name: String, type: PartType, shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }

  public var byteCount: Int { shape.reduce(1, *) * type.byteCount }
}

/// The element types parts may have: those of the safetensors format.
public enum PartType: String, Hashable, Sendable {
  case uint8 = "U8"
  case int8 = "I8"
  case int32 = "I32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float8E4M3 = "F8_E4M3"
  case float8E5M2 = "F8_E5M2"
  case float32 = "F32"

  public var byteCount: Int {
    switch self {
    case .uint8, .int8, .float8E4M3, .float8E5M2: 1
    case .float16, .bfloat16: 2
    case .int32, .float32: 4
    }
  }
}

/// A weight as a number format stores it.
public struct EncodedWeight: Sendable {
  public let rows: Int
  public let columns: Int
  public let parts: [Part]

  /// A part with its bytes.
  public struct Part: Sendable {
    public let part: WeightPart
    public let bytes: ByteBuffer

    public init(_ part: WeightPart, bytes: ByteBuffer) {
      precondition(bytes.count == part.byteCount)
      self.part = part
      self.bytes = bytes
    }
  }

  public init(rows: Int, columns: Int, parts: [Part]) {
    self.rows = rows
    self.columns = columns
    self.parts = parts
  }

  /// Room for a weight of `codec`; the bytes are zero.
  public init(rows: Int, columns: Int, codec: some WeightCodec) {
    self.init(
      rows: rows, columns: columns,
      parts: codec.layout(rows: rows, columns: columns).map {
        Part($0, bytes: ByteBuffer(count: $0.byteCount))
      })
  }

  /// The bytes of the part called `name`; a mistake in Vise where there is none.
  public func bytes(_ name: String) -> ByteBuffer {
    guard let part = parts.first(where: { $0.part.name == name }) else {
      preconditionFailure("a stored weight has no part called \(name)")
    }
    return part.bytes
  }

  public var byteCount: Int { parts.reduce(0) { $0 + $1.bytes.count } }
}
