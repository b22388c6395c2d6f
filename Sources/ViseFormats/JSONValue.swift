/// A JSON document as a tree.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// A number with neither fraction nor exponent that fits.
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  /// Members in the document's order; keys are unique.
  case object([Member])

  /// One member of an object.
  public struct Member: Hashable, Sendable {
    public let key: String
    public let value: JSONValue
  }

  /// Above this many values a document is refused, so that its tree stays small.
  static let mostValues = 200_000

  /// Parses a whole document.
  public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(bytes)
    var budget = Self.mostValues
    self = try Self.read(&reader, budget: &budget)
    try reader.finish()
  }

  /// Parses the reader's next value.
  init(_ reader: inout JSONReader) throws(JSONError) {
    var budget = Self.mostValues
    self = try Self.read(&reader, budget: &budget)
  }

  /// The value of an object's member.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  public var asString: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  public var asInt: Int? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  public var asDouble: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  public var asBool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  public var asArray: [JSONValue]? {
    guard case .array(let value) = self else { return nil }
    return value
  }

  private static func read(
    _ reader: inout JSONReader, budget: inout Int
  ) throws(JSONError) -> JSONValue {
    budget -= 1
    guard budget >= 0 else { throw reader.error(.tooLarge) }
    switch try reader.peek() {
    case UInt8(ascii: "{"):
      var members: [Member] = []
      var keys = Set<String>()
      try reader.readObject { (reader, key) throws(JSONError) in
        guard keys.insert(key).inserted else { throw reader.error(.duplicateKey(key)) }
        members.append(Member(key: key, value: try read(&reader, budget: &budget)))
      }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try reader.readArray { (reader) throws(JSONError) in
        elements.append(try read(&reader, budget: &budget))
      }
      return .array(elements)
    case UInt8(ascii: "\""):
      return .string(try reader.readString())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      let start = reader.offset
      let text = try reader.readNumber()
      if let integer = Int(text) { return .integer(integer) }
      guard let number = Double(text), number.isFinite else {
        throw reader.error(.invalidNumber, at: start)
      }
      return .number(number)
    default:
      return try reader.readLiteral().map(JSONValue.bool) ?? .null
    }
  }
}

extension Metadata {
  /// The leaves of a JSON object, keys of inner objects joined by dots.
  ///
  /// Integers become `int64`, other numbers `float64`; nulls and mixed arrays are left out.
  init(flattening document: JSONValue, prefix: String = "") {
    self.init()
    add(document, prefix: prefix)
  }

  private mutating func add(_ value: JSONValue, prefix: String) {
    guard case .object(let members) = value else { return }
    for member in members {
      let key = prefix + member.key
      if case .object = member.value {
        add(member.value, prefix: key + ".")
      } else if let leaf = Self.leaf(member.value) {
        append(Entry(key: key, value: leaf))
      }
    }
  }

  private static func leaf(_ value: JSONValue) -> MetadataValue? {
    switch value {
    case .bool(let value): return .bool(value)
    case .integer(let value): return .int64(Int64(value))
    case .number(let value): return .float64(value)
    case .string(let value): return .string(value)
    case .array(let elements):
      let values = elements.compactMap(leaf)
      guard values.count == elements.count, let type = values.first?.type, type != .array,
        values.allSatisfy({ $0.type == type })
      else { return nil }
      return .array(MetadataArray(elementType: type, values: values))
    case .null, .object: return nil
    }
  }
}
