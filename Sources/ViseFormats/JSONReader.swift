/// Reads JSON (RFC 8259) strictly, one token after the other, without building a tree.
///
/// Bounded: nesting is limited, and nothing is allocated beyond the strings the text holds.
struct JSONReader {
  /// Deep enough for anything real.
  static let deepest = 64

  let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0
  private var depth = 0

  init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }

  func error(_ kind: JSONError.Kind, at place: Int? = nil) -> JSONError {
    JSONError(kind: kind, offset: place ?? offset)
  }

  /// The next byte that is not whitespace, which is not consumed.
  mutating func peek() throws(JSONError) -> UInt8 {
    skipWhitespace()
    guard offset < bytes.count else { throw error(.unexpectedEnd) }
    return bytes[offset]
  }

  /// Fails where anything but whitespace is left.
  mutating func finish() throws(JSONError) {
    skipWhitespace()
    guard offset == bytes.count else { throw error(.trailingBytes) }
  }

  /// Calls `body` at each member's value, which it must consume.
  mutating func readObject(
    _ body: (inout JSONReader, String) throws(JSONError) -> Void
  ) throws(JSONError) {
    try readList(from: "{", to: "}") { (reader) throws(JSONError) in
      let key = try reader.readString()
      try reader.expect(UInt8(ascii: ":"))
      try body(&reader, key)
    }
  }

  /// The same with keys as bytes, not checked to be UTF-8.
  mutating func readObject(
    keysAsBytes: Void, _ body: (inout JSONReader, [UInt8]) throws(JSONError) -> Void
  ) throws(JSONError) {
    try readList(from: "{", to: "}") { (reader) throws(JSONError) in
      let key = try reader.readStringBytes()
      try reader.expect(UInt8(ascii: ":"))
      try body(&reader, key)
    }
  }

  /// Calls `body` at each element, which it must consume.
  mutating func readArray(
    _ body: (inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try readList(from: "[", to: "]", body)
  }

  private mutating func readList(
    from open: Unicode.Scalar, to close: Unicode.Scalar,
    _ body: (inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try expect(UInt8(ascii: open))
    depth += 1
    guard depth <= Self.deepest else { throw error(.nestedTooDeep, at: offset - 1) }
    if try peek() == UInt8(ascii: close) {
      offset += 1
      depth -= 1
      return
    }
    while true {
      try body(&self)
      let next = try peek()
      guard next == UInt8(ascii: ",") || next == UInt8(ascii: close) else {
        throw error(.unexpectedByte(next))
      }
      offset += 1
      if next == UInt8(ascii: close) { break }
    }
    depth -= 1
  }

  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    let next = try peek()
    guard next == byte else { throw error(.unexpectedByte(next)) }
    offset += 1
  }

  private mutating func skipWhitespace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  mutating func readString() throws(JSONError) -> String {
    let start = offset
    guard let text = String(validating: try readStringBytes(), as: UTF8.self) else {
      throw error(.invalidUTF8, at: start)
    }
    return text
  }

  /// The bytes of a string, with escapes resolved; not checked to be UTF-8.
  mutating func readStringBytes() throws(JSONError) -> [UInt8] {
    try expect(UInt8(ascii: "\""))
    var result: [UInt8] = []
    var plain = offset
    while true {
      guard offset < bytes.count else { throw error(.unexpectedEnd) }
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        result.append(contentsOf: bytes[plain..<offset])
        offset += 1
        return result
      case UInt8(ascii: "\\"):
        result.append(contentsOf: bytes[plain..<offset])
        try readEscape(into: &result)
        plain = offset
      case ..<0x20:
        throw error(.unexpectedByte(byte))
      default:
        offset += 1
      }
    }
  }

  private mutating func readEscape(into result: inout [UInt8]) throws(JSONError) {
    guard offset + 1 < bytes.count else { throw error(.unexpectedEnd) }
    let kind = bytes[offset + 1]
    offset += 2
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(kind)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"): appendUTF8(try readEscapedCodePoint(), to: &result)
    default: throw error(.invalidEscape, at: offset - 2)
    }
  }

  /// Reads what follows `\u`, a surrogate pair included; a lone surrogate is refused.
  private mutating func readEscapedCodePoint() throws(JSONError) -> UInt32 {
    let place = offset - 2
    let first = try readHexadecimal()
    guard (0xD800...0xDFFF).contains(first) else { return first }
    guard first < 0xDC00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u")
    else { throw error(.invalidEscape, at: place) }
    offset += 2
    let second = try readHexadecimal()
    guard (0xDC00...0xDFFF).contains(second) else { throw error(.invalidEscape, at: place) }
    return 0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00)
  }

  private mutating func readHexadecimal() throws(JSONError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw error(.unexpectedEnd) }
    var value: UInt32 = 0
    for byte in bytes[offset..<(offset + 4)] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error(.invalidEscape)
      }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }

  /// Reads a number and returns its text.
  mutating func readNumber() throws(JSONError) -> String {
    _ = try peek()
    let start = offset
    _ = take("-")
    if !take("0") {
      guard takeDigits() else { throw error(.invalidNumber, at: start) }
    }
    if take("."), !takeDigits() { throw error(.invalidNumber, at: start) }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard takeDigits() else { throw error(.invalidNumber, at: start) }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// Reads a whole number that fits `UInt64`.
  mutating func readUnsigned() throws(JSONError) -> UInt64 {
    let start = offset
    guard let value = UInt64(try readNumber()) else { throw error(.invalidNumber, at: start) }
    return value
  }

  private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: wanted) else { return false }
    offset += 1
    return true
  }

  private mutating func takeDigits() -> Bool {
    let start = offset
    while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) { offset += 1 }
    return offset > start
  }

  /// Reads `true`, `false` or `null`; the last gives `nil`.
  mutating func readLiteral() throws(JSONError) -> Bool? {
    let first = try peek()
    for (word, value) in [("true", true), ("false", false), ("null", nil)] as [(String, Bool?)]
    where bytes[offset...].starts(with: word.utf8) {
      offset += word.utf8.count
      return value
    }
    throw error(.unexpectedByte(first))
  }

  /// Steps over a value of any kind, checking it.
  mutating func skipValue() throws(JSONError) {
    switch try peek() {
    case UInt8(ascii: "{"):
      try readObject { (reader, _) throws(JSONError) in try reader.skipValue() }
    case UInt8(ascii: "["):
      try readArray { (reader) throws(JSONError) in try reader.skipValue() }
    case UInt8(ascii: "\""):
      _ = try readStringBytes()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      _ = try readNumber()
    default:
      _ = try readLiteral()
    }
  }
}
