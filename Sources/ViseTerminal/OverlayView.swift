import ViseCompression
import ViseEstimates
import ViseWorkbench

/// Dialogs, lists and pages that lie over the bench.
enum OverlayView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    switch state.overlay {
    case .formats(let picker)?: FormatsView.draw(picker, state, on: &canvas, layout: layout)
    case .methods(let picker)?: MethodsView.draw(picker, state, on: &canvas, layout: layout)
    case .prompt: break
    case .export(let dialog)?: ExportView.draw(dialog, state, on: &canvas, layout: layout)
    case .palette(let palette)?: PaletteView.draw(palette, state, on: &canvas, layout: layout)
    case .help(let top)?: drawHelp(top: top, on: &canvas, layout: layout)
    case .log(let top)?: drawLog(state, top: top, on: &canvas, layout: layout)
    case .themes(let picker)?: ThemesView.draw(picker, on: &canvas, layout: layout)
    case .search?: SearchView.draw(state, on: &canvas, layout: layout)
    case .quit?: drawQuit(state, on: &canvas, layout: layout)
    case .resume(let offer)?: drawResume(offer, on: &canvas, layout: layout)
    case nil: break
    }
  }

  /// A framed box in the middle of the screen; returns its inside.
  static func box(
    _ title: String, columns: Int, rows: Int, on canvas: inout Canvas, layout: Layout
  ) -> Rect {
    let columns = min(columns, layout.size.columns - 4)
    let rows = min(rows, layout.size.rows - 3)
    let left = (layout.size.columns - columns) / 2
    let top = max((layout.size.rows - 2 - rows) / 2, 1)
    canvas.clear(Rect(column: left, row: top, columns: columns, rows: rows))
    // What lies under it is neither clicked nor where the cursor is.
    canvas.dropHits()
    let bottom = top + rows - 1
    for column in left..<left + columns {
      canvas.put("─", .border, column: column, row: top)
      canvas.put("─", .border, column: column, row: bottom)
    }
    for row in top...bottom {
      canvas.put("│", .border, column: left, row: row)
      canvas.put("│", .border, column: left + columns - 1, row: row)
    }
    for (corner, column, row) in [
      ("┌", left, top), ("┐", left + columns - 1, top), ("└", left, bottom),
      ("┘", left + columns - 1, bottom),
    ] {
      canvas.put(corner, .border, column: column, row: row)
    }
    canvas.putShortened(" \(title) ", .title, column: left + 2, row: top, limit: columns - 4)
    return Rect(column: left + 2, row: top + 1, columns: columns - 4, rows: rows - 2)
  }

  /// Makes a row of a box's list answer clicks.
  static func addItem(_ item: Int, _ inside: Rect, row: Int, on canvas: inout Canvas) {
    canvas.addHit(
      Rect(column: inside.column, row: row, columns: inside.columns, rows: 1), .item(item))
  }

  /// Buttons in a row: the key, then what it does; a click presses it.
  static func buttons(
    of context: KeyContext, on canvas: inout Canvas, column: Int, row: Int, limit: Int
  ) {
    var column = column
    let end = column + limit
    for (hint, command) in KeyTable.hints(in: context) {
      guard column + Canvas.columns(of: hint.keys + hint.word) + 1 <= end else { return }
      let start = column
      column = canvas.put(hint.keys, .key, column: column, row: row) + 1
      column = canvas.put(hint.word, .hint, column: column, row: row) + 3
      canvas.addHit(
        Rect(column: start, row: row, columns: column - start - 3, rows: 1), .command(command))
    }
  }

  private static func clearPage(_ layout: Layout, on canvas: inout Canvas) {
    canvas.clear(Rect(column: 0, row: 1, columns: layout.size.columns, rows: layout.noteRow))
    canvas.dropHits()
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
  }

  private static func drawHelp(top: Int, on canvas: inout Canvas, layout: Layout) {
    clearPage(layout, on: &canvas)
    let columns = layout.helpColumns
    let rows = HelpText.rowCount(columns: columns)
    let shown = min(top + layout.overlayRows, rows)
    canvas.titledRule(
      "keys", remark: "\(shown) of \(rows) lines", column: 0, row: 1,
      columns: layout.size.columns)
    let width = layout.size.columns / columns
    for part in 0..<columns {
      let lines = HelpText.lines.dropFirst(part * rows).prefix(rows)
      for (offset, line) in lines.dropFirst(top).prefix(layout.overlayRows).enumerated() {
        let (column, row) = (part * width + 1, 2 + offset)
        switch line {
        case .title(let text): canvas.put(text, .title, column: column, row: row)
        case .binding(let keys, let summary):
          canvas.put(fitting(keys, columns: 12), .key, column: column + 1, row: row)
          canvas.put(summary, .text, column: column + 14, row: row, limit: width - 15)
        case .blank: break
        }
      }
    }
  }

  /// The first of several keys for one thing, as many as fit.
  private static func fitting(_ keys: String, columns: Int) -> String {
    var text = ""
    for key in keys.split(separator: " ") {
      let longer = text.isEmpty ? String(key) : "\(text) \(key)"
      guard Canvas.columns(of: longer) <= columns else { break }
      text = longer
    }
    return text
  }

  private static func drawLog(
    _ state: WorkbenchState, top: Int, on canvas: inout Canvas, layout: Layout
  ) {
    clearPage(layout, on: &canvas)
    canvas.titledRule(
      "log", remark: "\(state.log.count) line\(state.log.count == 1 ? "" : "s")", column: 0,
      row: 1, columns: layout.size.columns)
    if state.log.isEmpty { canvas.put("nothing logged yet", .dim, column: 1, row: 2) }
    for (offset, line) in state.log.dropFirst(top).prefix(layout.overlayRows).enumerated() {
      canvas.put(line, .text, column: 1, row: 2 + offset, limit: layout.size.columns - 2)
    }
  }

  private static func drawQuit(
    _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let inside = box("quit", columns: 60, rows: 7, on: &canvas, layout: layout)
    let exporting = state.jobs.contains { $0.exportPath != nil }
    let why =
      switch (exporting, state.search?.isRunning ?? false, state.hasUnexportedEdits) {
      case (true, _, _): "An export is still being written; quitting ends it."
      case (_, true, _): "A search is running; begun again, it goes on where it was."
      case (_, _, true): "These edits were never exported."
      default: "Quit now?"
      }
    canvas.put(why, .text, column: inside.column, row: inside.row, limit: inside.columns)
    let saved =
      state.journalPath == nil
      ? "They are not saved anywhere." : "The session is saved and can be resumed."
    canvas.put(saved, .dim, column: inside.column, row: inside.row + 1, limit: inside.columns)
    buttons(
      of: .quit, on: &canvas, column: inside.column, row: inside.row + 4, limit: inside.columns)
  }

  private static func drawResume(
    _ offer: ResumeOffer, on canvas: inout Canvas, layout: Layout
  ) {
    let inside = box("session found", columns: 60, rows: 7, on: &canvas, layout: layout)
    canvas.put(
      "This model was being edited, last at \(offer.writtenAt).", .text, column: inside.column,
      row: inside.row, limit: inside.columns)
    let steps = offer.journal.entries.count
    canvas.put(
      "\(steps) steps are saved, with everything undo needs.", .dim, column: inside.column,
      row: inside.row + 1, limit: inside.columns)
    buttons(
      of: .resume, on: &canvas, column: inside.column, row: inside.row + 4,
      limit: inside.columns)
  }
}
