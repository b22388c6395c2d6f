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
  /// A key that does elsewhere what it does on the bench is listed once, and a place without keys of
  /// its own is left out.
  public static let lines: [Line] = {
    let shared = Set(rows(of: .bench))
    return KeyContext.allCases.flatMap { context -> [Line] in
      let rows = rows(of: context).filter { context == .bench || !shared.contains($0) }
      return rows.isEmpty ? [] : [Line.title(context.title)] + rows + [Line.blank]
    }
  }()

  private static func rows(of context: KeyContext) -> [Line] {
    KeyTable.bindings.filter { $0.context == context }.map {
      Line.binding(keys: $0.label, summary: $0.command.summary)
    }
  }

  /// Rows the lines take in this many columns.
  public static func rowCount(columns: Int) -> Int {
    (lines.count + columns - 1) / columns
  }
}
