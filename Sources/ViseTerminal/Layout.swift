/// Where things are on a screen of some size.
public struct Layout: Hashable, Sendable {
  /// The smallest screen the bench fits on.
  public static let minimum = ScreenSize(columns: 60, rows: 16)

  public let size: ScreenSize

  public init(size: ScreenSize) {
    self.size = size
  }

  public var isTooSmall: Bool {
    size.columns < Self.minimum.columns || size.rows < Self.minimum.rows
  }

  /// Rows of the layer list.
  public var listRows: Int { max(estimateRow - listTop, 1) }

  /// Rows of an overlay that fills the screen between header and message.
  public var overlayRows: Int { max(messageRow - 3, 1) }

  /// Columns of text the help page is set in.
  public var helpColumns: Int { size.columns >= 150 ? 3 : size.columns >= 80 ? 2 : 1 }

  var listTop: Int { 3 }
  var footerRow: Int { size.rows - 1 }
  var messageRow: Int { size.rows - 2 }
  var noteRow: Int { size.rows - 3 }
  var estimateRow: Int { size.rows - 7 }

  /// Columns of the side panel, 0 where there is no room for one.
  var sideColumns: Int {
    size.columns >= 120 && size.rows >= 30 ? min(max(size.columns * 38 / 100, 45), 72) : 0
  }

  /// Columns of list and gauges.
  var mainColumns: Int { sideColumns == 0 ? size.columns : size.columns - sideColumns - 1 }

  /// The side panel, below the header and above the message.
  var side: Rect {
    Rect(column: mainColumns + 1, row: 1, columns: sideColumns, rows: noteRow - 1)
  }
}
