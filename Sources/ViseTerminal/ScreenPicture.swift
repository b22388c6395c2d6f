/// A screen as text that other programs show: plain, with escape sequences, or as SVG.
public enum ScreenPicture {
  /// The characters alone, without blanks at the ends of lines.
  public static func text(_ buffer: CellBuffer) -> String {
    (0..<buffer.size.rows).map { buffer.text(ofRow: $0) + "\n" }.joined()
  }

  /// The characters with ECMA-48 "select graphic rendition" sequences, each line ending plain.
  public static func ansi(_ buffer: CellBuffer, theme: Theme, level: ColorLevel) -> String {
    (0..<buffer.size.rows).map { row in
      runs(buffer.row(row)).map { run in
        let codes = codes(theme.style(of: run.role, at: level), level)
        return codes.isEmpty ? run.text : "\u{1B}[\(codes)m\(run.text)\u{1B}[m"
      }.joined() + "\n"
    }.joined()
  }

  private static func codes(_ style: RoleStyle, _ level: ColorLevel) -> String {
    var codes: [String] = []
    if style.isBold { codes.append("1") }
    if style.isDim { codes.append("2") }
    if style.isUnderlined { codes.append("4") }
    if style.isReversed { codes.append("7") }
    if let color = style.foreground?.index(at: level) { codes.append(code(color, base: 30)) }
    if let color = style.background?.index(at: level) { codes.append(code(color, base: 40)) }
    return codes.joined(separator: ";")
  }

  private static func code(_ color: Int, base: Int) -> String {
    color < 8
      ? "\(base + color)" : color < 16 ? "\(base + 52 + color)" : "\(base + 8);5;\(color)"
  }

  /// Cells of one role in a row.
  static func runs(_ cells: ArraySlice<Cell>) -> [(role: StyleRole, text: String)] {
    var runs: [(role: StyleRole, text: String)] = []
    for cell in cells where cell.width > 0 {
      if runs.last?.role != cell.role { runs.append((cell.role, "")) }
      runs[runs.count - 1].text.unicodeScalars.append(cell.scalar)
    }
    return runs
  }
}
