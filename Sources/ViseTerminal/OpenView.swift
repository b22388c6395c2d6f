import ViseWorkbench

/// What can be opened: recent models, samples, then a folder; with the reason where one cannot.
enum OpenView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    guard let picker = state.picker else { return }
    let width = layout.size.columns
    canvas.titledRule("open a model", column: 0, row: 1, columns: width)
    let limit = width - 20
    if limit > 8 {
      let shown = min(Canvas.columns(of: picker.folder), limit)
      canvas.putShortened(
        picker.folder, .dim, column: width - 2 - shown, row: 1, limit: shown)
      canvas.put(" ", column: width - 3 - shown, row: 1)
      canvas.put(" ", column: width - 2, row: 1)
    }
    canvas.rule(column: 0, row: layout.noteRow, columns: width)
    guard let listing = picker.listing else {
      canvas.put("looking", .dim, column: 3, row: 3)
      return
    }
    let columns = Columns(width: width)
    canvas.put("name", .heading, column: 3, row: 2)
    canvas.put("kind", .heading, column: columns.kind, row: 2)
    canvas.putRight("size", .heading, end: columns.sizeEnd, row: 2)
    let rows = max(layout.noteRow - 4, 0)
    let top = ListWindow.top(cursor: picker.cursor, rows: rows, of: listing.entries.count)
    for (offset, entry) in listing.entries.dropFirst(top).prefix(rows).enumerated() {
      draw(
        entry, isSelected: top + offset == picker.cursor, columns, row: 3 + offset, on: &canvas)
      canvas.addHit(
        Rect(column: 0, row: 3 + offset, columns: width, rows: 1), .item(top + offset))
    }
    if listing.entries.isEmpty {
      canvas.put("nothing here can be opened", .dim, column: 3, row: 3)
    }
    if let selected = picker.selected {
      canvas.putShortened(
        selected.problem ?? selected.path, selected.problem == nil ? .dim : .warn, column: 3,
        row: layout.noteRow - 1, limit: width - 4)
    }
  }

  /// Where an entry's parts are.
  private struct Columns {
    let kind: Int
    let sizeEnd: Int
    let detail: Int
    let detailWidth: Int

    init(width: Int) {
      detailWidth = width >= 76 ? min(max(width / 3, 24), 60) : 0
      detail = width - 1 - detailWidth
      sizeEnd = detail - (detailWidth > 0 ? 2 : 0)
      kind = sizeEnd - 17
    }
  }

  private static func draw(
    _ entry: ModelEntry, isSelected: Bool, _ columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    if isSelected {
      canvas.put("▸", .mark, column: 0, row: row)
      canvas.cursor = (0, row)
    }
    let role: StyleRole = isSelected ? .selection : entry.problem == nil ? .text : .dim
    canvas.putShortened(
      entry.name + (entry.kind == .folder ? "/" : ""), role, column: 3, row: row,
      limit: columns.kind - 5)
    canvas.put(entry.kind.rawValue, .dim, column: columns.kind, row: row)
    if let bytes = entry.byteCount {
      canvas.putRight(Numbers.bytes(bytes), .text, end: columns.sizeEnd, row: row)
    }
    canvas.putShortened(
      entry.problem ?? entry.detail, entry.problem == nil ? .dim : .warn, column: columns.detail,
      row: row, limit: columns.detailWidth)
  }
}
