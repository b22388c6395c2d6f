extension JSONValue {
  /// An object with `members` in their order; a key that comes again replaces the value in place.
  public init(members: [(String, JSONValue)]) {
    var object = JSONValue.object([])
    for (key, value) in members { object = object.setting(key, to: value) }
    self = object
  }

  /// This object with `key` set; what is no object becomes one.
  public func setting(_ key: String, to value: JSONValue) -> JSONValue {
    guard case .object(var members) = self else {
      return .object([Member(key: key, value: value)])
    }
    if let index = members.firstIndex(where: { $0.key == key }) {
      members[index] = Member(key: key, value: value)
    } else {
      members.append(Member(key: key, value: value))
    }
    return .object(members)
  }

  /// The document on one line; numbers read back as the same numbers.
  public var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): value.isFinite ? String(value) : "null"
    case .string(let value): Self.quoted(value)
    case .array(let values): "[\(values.map(\.text).joined(separator: ","))]"
    case .object(let members):
      "{\(members.map { "\(Self.quoted($0.key)):\($0.value.text)" }.joined(separator: ","))}"
    }
  }

  /// The document with a line a member, indented by two spaces.
  public func indentedText(_ depth: Int = 0) -> String {
    let inner = String(repeating: "  ", count: depth + 1)
    let outer = String(repeating: "  ", count: depth)
    switch self {
    case .object(let members) where !members.isEmpty:
      let lines = members.map {
        "\(inner)\(Self.quoted($0.key)): \($0.value.indentedText(depth + 1))"
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(outer)}"
    case .array(let values) where !values.isEmpty:
      let lines = values.map { inner + $0.indentedText(depth + 1) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(outer)]"
    default:
      return text
    }
  }

  /// Reads a small document from a file.
  public static func reading(_ path: String) throws(CheckpointError) -> JSONValue {
    try readJSON(path)
  }

  /// `text` as a JSON string.
  public static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
