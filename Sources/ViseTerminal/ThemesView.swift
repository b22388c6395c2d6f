import ViseWorkbench

/// The list of themes beside a sample of every role.
enum ThemesView {
  /// Words in the roles they stand for.
  static let samples: [(role: StyleRole, text: String)] = [
    (.text, "text"), (.dim, "dim"), (.title, "title"), (.heading, "heading"), (.key, "key"),
    (.mark, "mark"), (.edited, "edited"), (.substituted, "replaced"), (.ok, "ok"),
    (.warn, "warn"), (.bad, "OVER"), (.selection, "selection"), (.choice, "choice"),
    (.field, "field"),
  ]

  static func draw(_ picker: ThemePicker, on canvas: inout Canvas, layout: Layout) {
    let inside = OverlayView.box(
      "themes", columns: 56, rows: 14, on: &canvas, layout: layout)
    let rows = max(inside.rows, 1)
    let top = max(picker.cursor - rows + 1, 0)
    for (offset, name) in picker.names.dropFirst(top).prefix(rows).enumerated() {
      let isCurrent = top + offset == picker.cursor
      let row = inside.row + offset
      if isCurrent {
        canvas.put("▸", .mark, column: inside.column, row: row)
        canvas.cursor = (inside.column, row)
      }
      OverlayView.addItem(top + offset, inside, row: row, on: &canvas)
      canvas.putShortened(
        name, isCurrent ? .choice : .text, column: inside.column + 2, row: row, limit: 24)
    }
    let column = inside.column + 30
    for (offset, sample) in samples.prefix(max(inside.rows - 2, 0)).enumerated() {
      canvas.put(
        sample.text, sample.role, column: column + offset % 2 * 11, row: inside.row + offset / 2,
        limit: inside.columns - 30 - offset % 2 * 11)
    }
    let row = inside.row + (samples.count + 1) / 2 + 1
    if row < inside.row + inside.rows { drawScales(column: column, row: row, on: &canvas) }
  }

  /// The five heat levels, a bar with its track, and an interval.
  static func drawScales(column: Int, row: Int, on canvas: inout Canvas) {
    for (level, glyph) in ["▁", "▂", "▄", "▆", "█"].enumerated() {
      canvas.put(glyph + glyph, .heat(level), column: column + level * 2, row: row)
    }
    let at = canvas.put("███", .gauge, column: column + 11, row: row)
    canvas.put("░░", .track, column: at, row: row)
    canvas.put("┣●┫", .interval, column: column + 17, row: row)
  }
}
