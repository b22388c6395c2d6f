import Glibc
import Testing
import ViseTerminal
import ViseWorkbench

/// Every screen at every size from 1x1 to 200x80.
///
/// All 16 000 sizes of all screens take minutes: `VISE_ALL_SIZES=1` asks for them. Without it every
/// width is drawn at some heights and every height at some widths.
struct ScreenSizeTests {
  private static let isWhole = getenv("VISE_ALL_SIZES") != nil

  private static let sizes: [ScreenSize] = {
    let columns = 1...200
    let rows = 1...80
    let pairs =
      isWhole
      ? columns.flatMap { column in rows.map { (column, $0) } }
      : columns.flatMap { column in [16, 30].map { (column, $0) } }
        + rows.flatMap { row in [60, 120].map { ($0, row) } }
        + [(1, 1), (200, 80), (160, 48), (80, 24), (59, 80), (200, 15)]
    return pairs.map { ScreenSize(columns: $0, rows: $1) }
  }()

  @Test(arguments: Screen.allCases)
  func everySizeIsDrawnWithinItsBounds(screen: Screen) {
    var state = screen.state(size: ScreenSize(columns: 80, rows: 24), blocks: 2)
    for size in Self.sizes {
      let layout = Layout(size: size)
      _ = state.apply(
        .screenResized(
          listRows: layout.listRows, overlayRows: layout.overlayRows,
          helpColumns: layout.helpColumns))
      let frame = WorkbenchView.frame(of: state, size: size, glyphs: .unicode)
      for problem in Self.problems(of: frame, state) {
        Issue.record("\(size.columns)x\(size.rows): \(problem)")
      }
    }
  }

  /// What of a frame lies outside its bounds, or over the border of its neighbour.
  private static func problems(of frame: Frame, _ state: WorkbenchState) -> [String] {
    let size = frame.buffer.size
    var problems: [String] = []
    for row in 0..<size.rows {
      let width = frame.buffer.row(row).reduce(0) { $0 + Int($1.width) }
      if width != size.columns { problems.append("row \(row) is \(width) wide") }
    }
    if frame.cursorRow >= size.rows || frame.cursorColumn >= size.columns {
      problems.append("the cursor is outside")
    }
    let screen = Rect(column: 0, row: 0, columns: size.columns, rows: size.rows)
    for hit in frame.hits where !screen.contains(hit.rect) {
      problems.append("a click area is outside: \(hit)")
    }
    problems += brokenBoxes(in: frame)
    return problems
  }

  /// Sides of boxes that text runs over.
  private static func brokenBoxes(in frame: Frame) -> [String] {
    let size = frame.buffer.size
    var problems: [String] = []
    for top in 0..<size.rows {
      let cells = frame.buffer.row(top)
      guard let left = cells.firstIndex(where: { $0.scalar == "┌" && $0.role == .border }),
        let right = cells.lastIndex(where: { $0.scalar == "┐" && $0.role == .border })
      else { continue }
      let (first, last) = (left - cells.startIndex, right - cells.startIndex)
      var row = top + 1
      while row < size.rows {
        let cells = Array(frame.buffer.row(row))
        let scalars = [cells[first].scalar, cells[last].scalar]
        if scalars == ["└", "┘"] { break }
        if scalars != ["│", "│"] { problems.append("the box's side is broken in row \(row)") }
        row += 1
      }
      if row == size.rows { problems.append("the box has no end") }
    }
    return problems
  }
}

extension Rect {
  fileprivate func contains(_ other: Rect) -> Bool {
    other.column >= column && other.row >= row
      && other.column + other.columns <= column + columns
      && other.row + other.rows <= row + rows
  }
}
