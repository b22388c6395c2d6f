import Testing

@testable import ViseFormats

private func parse(_ text: String) throws -> JSONValue {
  try Array(text.utf8).withUnsafeBytes { try JSONValue(parsing: $0) }
}

@Suite struct JSONReaderTests {
  @Test func everyKindOfValueIsRead() throws {
    let value = try parse(
      #" { "a" : [ 1 , -2.5e1, true , null ] , "b\n\u00e9\ud83d\ude42\/" : { } , "c" : "" } "#)
    #expect(
      value["a"] == .array([.integer(1), .number(-25), .bool(true), .null]))
    #expect(value["b\né🙂/"] == .object([]))
    #expect(value["c"]?.asString == "")
    #expect(value["d"] == nil)
  }

  @Test func numbersThatOverflowBecomeFloatsOrErrors() throws {
    #expect(try parse("9223372036854775807").asInt == .max)
    #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
    #expect(throws: JSONError(kind: .invalidNumber, offset: 0)) { try parse("1e999") }
  }

  @Test(arguments: [
    ("", JSONError.Kind.unexpectedEnd), ("[", .unexpectedEnd), ("[1,]", .unexpectedByte(0x5D)),
    ("[1 2]", .unexpectedByte(0x32)), ("{\"a\" 1}", .unexpectedByte(0x31)),
    ("{a:1}", .unexpectedByte(0x61)), ("01", .trailingBytes), ("1.", .invalidNumber),
    ("-", .invalidNumber), ("+1", .unexpectedByte(0x2B)), (".5", .unexpectedByte(0x2E)),
    ("1e", .invalidNumber), ("nul", .unexpectedByte(0x6E)), ("NaN", .unexpectedByte(0x4E)),
    ("\"\\u12G4\"", .invalidEscape), ("\"\\ud800\"", .invalidEscape), ("\"a", .unexpectedEnd),
    ("\"\\", .unexpectedEnd), ("\"\\u12", .unexpectedEnd), ("\"\t\"", .unexpectedByte(9)),
    ("1 1", .trailingBytes), ("{\"a\":1,\"a\":2}", .duplicateKey("a")),
    (String(repeating: "[", count: 65), .nestedTooDeep),
  ])
  func invalidTextIsRefused(text: String, kind: JSONError.Kind) {
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.kind == kind)
  }

  @Test func documentOfTooManyValuesIsRefused() {
    let text = "[" + String(repeating: "0,", count: JSONValue.mostValues) + "0]"
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.kind == .tooLarge)
  }
}
