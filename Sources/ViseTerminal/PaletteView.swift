import ViseCompression
import ViseWorkbench

/// Commands that fit what is typed, with the reason where one cannot be done; or what a command
/// typed in full would do, before it is done.
enum PaletteView {
  static func draw(
    _ palette: Palette, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let inside = OverlayView.box("commands", columns: 70, rows: 15, on: &canvas, layout: layout)
    let at = canvas.put(": ", .key, column: inside.column, row: inside.row)
    FieldView.draw(
      palette.field, column: at, row: inside.row, columns: inside.columns - 2, on: &canvas)
    if let typed = palette.typed {
      draw(typed, state, inside, on: &canvas)
      return
    }
    // One row is for the whole reason, of which the list has room for the end only.
    let rows = inside.rows - 3
    let matches = palette.matches
    if matches.isEmpty, palette.usages.isEmpty {
      canvas.put("no such command", .dim, column: inside.column, row: inside.row + 2)
    }
    let top = max(palette.cursor - rows + 1, 0)
    for (offset, binding) in matches.dropFirst(top).prefix(rows).enumerated() {
      drawRow(
        binding, state, isCurrent: top + offset == palette.cursor, inside,
        row: inside.row + 2 + offset, on: &canvas)
      OverlayView.addItem(top + offset, inside, row: inside.row + 2 + offset, on: &canvas)
    }
    let used = min(matches.count, rows)
    for (offset, usage) in palette.usages.prefix(rows - used).enumerated() {
      canvas.putShortened(
        ": \(usage)", .dim, column: inside.column + 2, row: inside.row + 2 + used + offset,
        limit: inside.columns - 2)
    }
    if matches.indices.contains(palette.cursor),
      let reason = state.reasonDisabled(matches[palette.cursor].command)
    {
      canvas.putShortened(
        reason, .warn, column: inside.column + 2, row: inside.row + inside.rows - 1,
        limit: inside.columns - 2)
    }
  }

  private static func drawRow(
    _ binding: KeyBinding, _ state: WorkbenchState, isCurrent: Bool, _ inside: Rect, row: Int,
    on canvas: inout Canvas
  ) {
    let reason = state.reasonDisabled(binding.command)
    let role: StyleRole = isCurrent ? .choice : reason == nil ? .text : .dim
    if isCurrent { canvas.put("▸", .mark, column: inside.column, row: row) }
    canvas.put(binding.command.summary, role, column: inside.column + 2, row: row, limit: 35)
    canvas.put(binding.label, .key, column: inside.column + 38, row: row, limit: 12)
    if let reason, inside.columns >= 60 {
      canvas.putShortened(
        reason, .dim, column: inside.column + 51, row: row, limit: inside.columns - 51)
    }
  }

  private static func draw(
    _ typed: TypedCommand, _ state: WorkbenchState, _ inside: Rect, on canvas: inout Canvas
  ) {
    let targets = state.targets(of: typed)
    let row = inside.row + 2
    if let problem = state.problem(of: typed) {
      canvas.putShortened(
        problem, targets.isEmpty ? .dim : .warn, column: inside.column, row: row,
        limit: inside.columns)
    } else {
      canvas.putShortened(
        "enter: \(state.promise(of: typed))", .ok, column: inside.column, row: row,
        limit: inside.columns)
    }
    for (offset, index) in targets.prefix(max(inside.rows - 4, 0)).enumerated() {
      canvas.putShortened(
        state.sites[index].name, .dim, column: inside.column + 2, row: row + 1 + offset,
        limit: inside.columns - 2)
    }
    let hidden = targets.count - max(inside.rows - 4, 0)
    if hidden > 0 {
      canvas.putRight(
        "and \(hidden) more", .dim, end: inside.column + inside.columns, row: row)
    }
  }
}
