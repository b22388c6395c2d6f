extension SensitivityTable {
  /// Comma-separated values with a header (RFC 4180): lines end in CR LF, absent figures are empty.
  ///
  /// - Parameter sanitize: makes words from files harmless to a terminal.
  public func csv(sanitize: (String) -> String) -> String {
    let header = columns.map { Self.field(sanitize($0.name)) }
    let lines = rows.map { row in
      row.map { cell in cell.map { Self.field(sanitize($0.text)) } ?? "" }
    }
    return ([header] + lines).map { $0.joined(separator: ",") + "\r\n" }.joined()
  }

  /// Quoted where it holds a quote, a comma or a line break; quotes are doubled.
  static func field(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { !["\"", ",", "\r", "\n"].contains($0) }
    return isPlain
      ? text
      : "\""
        + text.split(
          separator: "\"", omittingEmptySubsequences: false
        ).joined(separator: "\"\"") + "\""
  }
}
