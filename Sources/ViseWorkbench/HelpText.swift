/// The help page, made from the key table.
public enum HelpText {
  /// One line of it.
  public enum Line: Hashable, Sendable {
    case title(String)
    case binding(keys: String, summary: String)
    case blank
  }

  /// All lines in reading order.
  ///
  /// What works everywhere is listed once.
  public static let lines: [Line] = KeyContext.allCases.flatMap { context -> [Line] in
    let bindings = KeyTable.bindings.filter {
      $0.context == context && (context == .bench || !everywhere.contains($0.command))
    }
    let rows = bindings.map { Line.binding(keys: $0.label, summary: $0.command.summary) }
    return [Line.title(context.title)] + rows + [Line.blank]
  }

  /// Rows the lines take in this many columns.
  public static func rowCount(columns: Int) -> Int {
    (lines.count + columns - 1) / columns
  }

  private static let everywhere: Set<Command> = [.suspend, .redraw, .interrupt]
}
