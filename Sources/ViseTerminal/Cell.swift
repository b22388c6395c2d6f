/// What a cell means; a theme turns it into colours and attributes.
public enum StyleRole: UInt8, CaseIterable, Hashable, Sendable {
  case text, dim, title, rule, heading
  case key, hint
  case selection, mark, edited, substituted
  case ok, warn, bad
  case heat0, heat1, heat2, heat3, heat4
  case gauge, track, interval, value
  case border, field, choice

  /// The colour of a strip cell: 0 harmless … 4 ruinous.
  public static func heat(_ level: Int) -> StyleRole {
    [.heat0, .heat1, .heat2, .heat3, .heat4][min(max(level, 0), 4)]
  }

  /// The name themes use.
  public var name: String { String(describing: self) }
}

/// One position on the screen.
public struct Cell: Hashable, Sendable {
  public var scalar: Unicode.Scalar
  public var role: StyleRole
  /// Columns: 1 or 2, or 0 for the right half of a wide character.
  public var width: UInt8

  public init(_ scalar: Unicode.Scalar, _ role: StyleRole, width: UInt8 = 1) {
    self.scalar = scalar
    self.role = role
    self.width = width
  }

  public static let blank = Cell(" ", .text)
}

/// A size in columns and rows.
public struct ScreenSize: Hashable, Sendable {
  public let columns: Int
  public let rows: Int

  public init(columns: Int, rows: Int) {
    precondition(columns > 0 && rows > 0)
    self.columns = columns
    self.rows = rows
  }
}

/// A rectangle of cells.
public struct Rect: Hashable, Sendable {
  public var column: Int
  public var row: Int
  public var columns: Int
  public var rows: Int

  public init(column: Int, row: Int, columns: Int, rows: Int) {
    self.column = column
    self.row = row
    self.columns = max(columns, 0)
    self.rows = max(rows, 0)
  }

  public func contains(column: Int, row: Int) -> Bool {
    (self.column..<self.column + columns).contains(column)
      && (self.row..<self.row + rows).contains(row)
  }
}

/// A screen of cells.
public struct CellBuffer: Hashable, Sendable {
  public let size: ScreenSize
  public private(set) var cells: [Cell]

  public init(size: ScreenSize) {
    self.size = size
    cells = Array(repeating: .blank, count: size.columns * size.rows)
  }

  /// The cells of one row.
  public func row(_ row: Int) -> ArraySlice<Cell> {
    cells[row * size.columns..<(row + 1) * size.columns]
  }

  /// The text of one row, without the blanks at its end.
  public func text(ofRow row: Int) -> String {
    var text = String.UnicodeScalarView()
    for cell in self.row(row) where cell.width > 0 { text.append(cell.scalar) }
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  /// Sets a cell; outside the screen it does nothing.
  ///
  /// Halves of wide characters are repaired.
  mutating func set(_ cell: Cell, column: Int, row: Int) {
    guard column >= 0, row >= 0, row < size.rows, column + max(Int(cell.width), 1) <= size.columns
    else { return }
    let index = row * size.columns + column
    blankHalf(at: index, column: column)
    cells[index] = cell
    if cell.width == 2 {
      blankHalf(at: index + 1, column: column + 1)
      cells[index + 1] = Cell(" ", cell.role, width: 0)
    }
  }

  /// Blanks the other half of a wide character that the cell at `index` is part of.
  private mutating func blankHalf(at index: Int, column: Int) {
    if cells[index].width == 2 { cells[index + 1] = .blank }
    if cells[index].width == 0, column > 0 { cells[index - 1] = .blank }
  }
}
