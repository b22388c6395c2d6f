import CTerminal
public import ViseTerminal

/// Puts frames on the terminal that is open: only rows that changed reach curses.
public struct CursesPresenter {
  private var styles: [Int16]
  private var shown: CellBuffer?
  private var shownCursor: [Int] = []
  private var row: [ct_cell] = []
  /// Whether the terminal takes a frame as one update.
  public var isSynchronized = false
  /// Cells that changed, frames shown and bytes sent so far; bytes only where they are counted.
  public private(set) var cellCount = 0
  public private(set) var frameCount = 0
  public private(set) var byteCount = 0
  /// Bytes of the last frame.
  public private(set) var lastByteCount = 0

  /// Allocates the theme's styles on the open terminal.
  public init(theme: Theme, level: ColorLevel) {
    styles = Self.allocate(theme, level)
  }

  /// Shows what comes in another theme; everything is sent again.
  public mutating func use(_ theme: Theme, level: ColorLevel) {
    styles = Self.allocate(theme, level)
    invalidate()
  }

  private static func allocate(_ theme: Theme, _ level: ColorLevel) -> [Int16] {
    ct_forget_styles()
    return StyleRole.allCases.map { role in
      let style = theme.style(of: role, at: level)
      var attributes: UInt32 = 0
      if style.isBold { attributes |= UInt32(CT_BOLD) }
      if style.isDim { attributes |= UInt32(CT_DIM) }
      if style.isUnderlined { attributes |= UInt32(CT_UNDERLINE) }
      if style.isReversed { attributes |= UInt32(CT_REVERSE) }
      let foreground = style.foreground?.index(at: level) ?? -1
      let background = style.background?.index(at: level) ?? -1
      return Int16(ct_style(Int32(foreground), Int32(background), attributes))
    }
  }

  /// Shows `frame`; nothing is sent where it looks as the one before.
  public mutating func present(_ frame: Frame) {
    let buffer = frame.buffer
    var changed = false
    for index in 0..<buffer.size.rows {
      let cells = buffer.row(index)
      if let shown, shown.size == buffer.size, shown.row(index) == cells { continue }
      changed = true
      cellCount += cells.count
      row.removeAll(keepingCapacity: true)
      for cell in cells {
        row.append(
          ct_cell(
            scalar: cell.scalar.value, style: styles[Int(cell.role.rawValue)],
            width: Int16(cell.width)))
      }
      ct_row(Int32(index), row, Int32(row.count))
    }
    shown = buffer
    let cursor = [frame.cursorRow, frame.cursorColumn]
    ct_cursor(Int32(frame.cursorRow), Int32(frame.cursorColumn))
    flush(isChanged: changed || cursor != shownCursor)
    shownCursor = cursor
  }

  /// Sends everything again, after something else wrote on the screen.
  public mutating func invalidate() {
    shown = nil
    ct_full_redraw()
  }

  private mutating func flush(isChanged: Bool) {
    let bytes = ct_flush(isSynchronized && isChanged)
    frameCount += 1
    lastByteCount = max(Int(bytes), 0)
    byteCount += lastByteCount
  }
}
