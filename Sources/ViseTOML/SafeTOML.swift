public import TOMLKit

/// A fault in a TOML text.
public struct TOMLFault: Error, Hashable, Sendable {
  /// The 1-based line, where it is known.
  public let line: Int?
  /// What is wrong, in the parser's words.
  public let words: String
}

/// TOML from files people hand us: plans and themes.
public enum SafeTOML {
  /// Parses `text`, first refusing what the TOML library traps on.
  public static func parse(_ text: String) throws(TOMLFault) -> TOMLTable {
    try checkHeaders(text)
    do {
      return try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw TOMLFault(line: error.source.begin.line, words: error.description)
    } catch {
      throw TOMLFault(line: nil, words: "\(error)")
    }
  }

  /// Refuses a `[` that begins a line and no table's name.
  private static func checkHeaders(_ text: String) throws(TOMLFault) {
    let lines = text.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }
    for (index, line) in lines.enumerated() {
      var rest = line.drop { isBlank($0) }
      guard rest.first == "[" else { continue }
      while rest.first == "[" { rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" } }
      let starts = rest.first.map { scalar in
        "\"'-_]".unicodeScalars.contains(scalar)
          || (scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)))
      }
      guard starts == true else {
        throw TOMLFault(line: index + 1, words: "a table's name must follow \"[\"")
      }
    }
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || scalar.value < 0x20 || scalar == "\u{FEFF}"
  }
}
