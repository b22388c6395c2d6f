/// Named columns of figures, a row a site or a group of sites.
public struct SensitivityTable: Sendable {
  /// One figure, or a word.
  public enum Cell: Hashable, Sendable {
    case text(String)
    case count(Int)
    case number(Double)

    /// Exact: a number reads back as itself.
    public var text: String {
      switch self {
      case .text(let text): text
      case .count(let count): String(count)
      case .number(let number): "\(number)"
      }
    }

    var value: Double? {
      switch self {
      case .text: nil
      case .count(let count): Double(count)
      case .number(let number): number
      }
    }
  }

  /// What a column holds and where it comes from.
  public struct Column: Hashable, Sendable {
    /// The option it is about; `nil` for what no treatment changes.
    public let option: String?
    public let key: String
    public let meaning: String
    /// `exact`, or what it was measured on.
    public let provenance: String
    /// Whether it belongs on a screen.
    public let isBrief: Bool

    /// The key, behind its option's name and a dot.
    public var name: String { option.map { "\($0).\(key)" } ?? key }
  }

  public let columns: [Column]
  /// As many cells as columns; `nil` where a figure was not or cannot be computed.
  public private(set) var rows: [[Cell?]]

  public init(columns: [Column], rows: [[Cell?]]) {
    precondition(rows.allSatisfy { $0.count == columns.count })
    self.columns = columns
    self.rows = rows
  }

  /// The column called `name`, or the first one with that key.
  public func column(_ name: String) -> Int? {
    columns.firstIndex { $0.name == name } ?? columns.firstIndex { $0.key == name }
  }

  /// Sorts rows by `column`: numbers from the largest, words from A, absent figures last.
  ///
  /// Rows that are equal there keep their order.
  public mutating func sort(by column: Int) {
    rows = rows.enumerated().sorted { a, b in
      switch Self.order(a.element[column], b.element[column]) {
      case .some(let isBefore): isBefore
      case .none: a.offset < b.offset
      }
    }.map(\.element)
  }

  /// Whether `a` comes before `b`; `nil` for equals.
  private static func order(_ a: Cell?, _ b: Cell?) -> Bool? {
    guard let a, let b else { return (a == nil) == (b == nil) ? nil : a != nil }
    if let left = a.value, let right = b.value { return left == right ? nil : left > right }
    return a.text == b.text ? nil : a.text < b.text
  }
}
