import ViseCompression
import ViseWorkbench

/// What a command being typed would do, before it is done.
enum PaletteView {
  static func draw(
    _ typed: TypedCommand, _ state: WorkbenchState, _ inside: Rect, on canvas: inout Canvas
  ) {
    let targets = state.targets(of: typed)
    let row = inside.row + 2
    if let problem = state.problem(of: typed) {
      canvas.putShortened(
        problem, targets.isEmpty ? .dim : .warn, column: inside.column, row: row,
        limit: inside.columns)
    } else {
      let count = targets.count == 1 ? "1 layer" : "\(targets.count) layers"
      canvas.put("enter: \(count)", .ok, column: inside.column, row: row, limit: inside.columns)
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
