public import ViseWorkbench

/// Draws the workbench: a pure function of state and size.
public enum WorkbenchView {
  /// The picture of `state` on a screen of `size`.
  ///
  /// - Parameter statistics: what the header shows about the program itself, where asked for.
  public static func frame(
    of state: WorkbenchState, size: ScreenSize, glyphs: GlyphSet, statistics: String? = nil
  ) -> Frame {
    var canvas = Canvas(size: size, glyphs: glyphs)
    let layout = Layout(size: size)
    if layout.isTooSmall {
      drawTooSmall(on: &canvas, layout: layout)
    } else {
      HeaderView.draw(state, statistics: statistics, on: &canvas)
      if state.opening == .choosing {
        OpenView.draw(state, on: &canvas, layout: layout)
      } else if state.summary == nil {
        drawOpening(state, on: &canvas, layout: layout)
      } else {
        drawBench(state, on: &canvas, layout: layout)
      }
      OverlayView.draw(state, on: &canvas, layout: layout)
      MessageView.draw(state, on: &canvas, layout: layout)
      FooterView.draw(state, on: &canvas, layout: layout)
    }
    return Frame(
      buffer: canvas.buffer, hits: canvas.hits, cursorColumn: canvas.cursor?.column ?? 0,
      cursorRow: canvas.cursor?.row ?? -1)
  }

  /// The styles of a frame's cells as letters, for snapshots: one line a row, `.` is plain text.
  public static func stylePlane(of buffer: CellBuffer) -> [String] {
    let letters = Array(".abcdefghijklmnopqrstuvwxyzABCDEF".unicodeScalars)
    return (0..<buffer.size.rows).map { row in
      var line = String.UnicodeScalarView()
      for cell in buffer.row(row) { line.append(letters[Int(cell.role.rawValue)]) }
      while line.last == "." { line.removeLast() }
      return String(line)
    }
  }

  private static func drawBench(
    _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    switch state.page {
    case .frontier?: FrontierView.draw(state, on: &canvas, layout: layout)
    case .detail?: DetailView.draw(state, on: &canvas, layout: layout)
    case .compare?: CompareView.draw(state, on: &canvas, layout: layout)
    case .history?: HistoryView.draw(state, on: &canvas, layout: layout)
    case .jobs?: JobsView.draw(state, on: &canvas, layout: layout)
    case .heat?: HeatView.draw(state, on: &canvas, layout: layout)
    case nil:
      LayerListView.draw(state, on: &canvas, layout: layout)
      GaugesView.draw(state, on: &canvas, layout: layout)
    }
    if layout.sideColumns > 0 {
      canvas.verticalRule(column: layout.mainColumns, rows: 1..<layout.noteRow)
      SideView.draw(state, on: &canvas, rect: layout.side)
    }
  }

  private static func drawOpening(
    _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    canvas.rule(column: 0, row: 1, columns: layout.size.columns)
    let row = layout.size.rows / 2 - 1
    let limit = layout.size.columns - 6
    if case .failed(let reason) = state.opening {
      canvas.putShortened(state.modelPath, .text, column: 3, row: row, limit: limit)
      canvas.put("cannot be opened:", .bad, column: 3, row: row + 1, limit: limit)
      canvas.putWrapped(
        reason, .text, column: 3, rows: row + 2..<layout.noteRow - 1, limit: limit)
      if state.picker != nil {
        canvas.put(
          "esc goes back to the list", .dim, column: 3, row: layout.noteRow - 1, limit: limit)
      }
    } else {
      canvas.put("opening", .dim, column: 3, row: row)
      canvas.putShortened(state.modelPath, .text, column: 3, row: row + 1, limit: limit)
    }
  }

  private static func drawTooSmall(on canvas: inout Canvas, layout: Layout) {
    let (size, needed) = (layout.size, Layout.minimum)
    let lines = [
      "the window is too small", "now     \(size.columns)x\(size.rows)",
      "needed  \(needed.columns)x\(needed.rows)", "q quits",
    ]
    let top = max((size.rows - lines.count) / 2, 0)
    for (index, line) in lines.enumerated() {
      let column = max((size.columns - line.count) / 2, 0)
      canvas.put(line, index == 0 ? .warn : .text, column: column, row: top + index)
    }
  }
}
