/// The kinds of value GGUF metadata knows; raw values are the format's ids.
public enum MetadataType: UInt32, Hashable, Sendable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of one value, or `nil` where that depends on the value.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// One value of a checkpoint's metadata, with the type the file gave it.
public enum MetadataValue: Hashable, Sendable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  /// Text; bytes that are not UTF-8 are replaced by U+FFFD.
  case string(String)
  case array(MetadataArray)
  case uint64(UInt64)
  case int64(Int64)
  case float64(Double)

  public var type: MetadataType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .float32: .float32
    case .bool: .bool
    case .string: .string
    case .array: .array
    case .uint64: .uint64
    case .int64: .int64
    case .float64: .float64
    }
  }

  /// The value of an integer of any width, where it fits.
  public var asInt: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// The value of a float or an integer.
  public var asDouble: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    default: asInt.map(Double.init)
    }
  }

  public var asBool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  public var asString: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  public var asArray: MetadataArray? {
    guard case .array(let value) = self else { return nil }
    return value
  }

  /// The elements of an array of strings; decodes on every call.
  public var asStrings: [String]? {
    guard let array = asArray, array.elementType == .string else { return nil }
    return array.values().compactMap(\.asString)
  }

  /// The elements of an array of integers; decodes on every call.
  public var asInts: [Int]? { asArray.flatMap { $0.numbers(\.asInt) } }

  /// The elements of an array of floats or integers; decodes on every call.
  public var asDoubles: [Double]? { asArray.flatMap { $0.numbers(\.asDouble) } }

  /// The elements of an array of truth values; decodes on every call.
  public var asBools: [Bool]? { asArray.flatMap { $0.numbers(\.asBool) } }
}
