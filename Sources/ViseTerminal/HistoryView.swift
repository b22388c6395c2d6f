import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The states of the plan, newest first, each with the edit that led to it.
enum HistoryView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    let document = state.document
    let count = document.stateCount + 1
    canvas.titledRule(
      "history", remark: "\(count) states · at \(state.title(ofState: document.position))",
      column: 0, row: 1, columns: layout.mainColumns)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
    let columns = Columns(width: layout.mainColumns)
    canvas.put("state", .heading, column: 2, row: 2)
    canvas.put("edit", .heading, column: columns.label, row: 2)
    canvas.put("layers", .heading, column: columns.subject, row: 2)
    canvas.putRight("size", .heading, end: columns.sizeEnd, row: 2)
    canvas.putRight("KL nats", .heading, end: columns.lossEnd, row: 2)
    let rows = max(layout.noteRow - 3, 0)
    let position = document.stateCount - state.history.cursor
    let top = ListWindow.top(cursor: position, rows: rows, of: count)
    let behind = Set(document.path(to: document.position))
    let ahead = Set(document.statesAhead)
    for offset in 0..<min(rows, count - top) {
      let number = document.stateCount - top - offset
      let row = 3 + offset
      if number == state.history.cursor {
        canvas.put("▸", .mark, column: 0, row: row)
        canvas.cursor = (0, row)
      }
      let (glyph, role): (String, StyleRole) =
        number == document.position
        ? ("●", .mark)
        : behind.contains(number) || number == 0
          ? ("│", .text) : ahead.contains(number) ? ("╎", .dim) : ("·", .track)
      canvas.put(glyph, role, column: 7, row: row)
      draw(number, state, columns, row: row, on: &canvas)
      canvas.addHit(
        Rect(column: 0, row: row, columns: layout.mainColumns, rows: 1), .item(number))
    }
  }

  /// Where a state's parts are.
  private struct Columns {
    let label = 9
    let labelWidth: Int
    let subject: Int
    let subjectWidth: Int
    let sizeEnd: Int
    let lossEnd: Int

    init(width: Int) {
      lossEnd = width - 1
      sizeEnd = lossEnd - 13
      labelWidth = max((sizeEnd - 10 - label) * 2 / 5, 8)
      subject = label + labelWidth + 1
      subjectWidth = max(sizeEnd - 9 - subject, 0)
    }
  }

  private static func draw(
    _ number: Int, _ state: WorkbenchState, _ columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    let document = state.document
    let isSelected = number == state.history.cursor
    canvas.putRight("\(number)", isSelected ? .selection : .dim, end: 6, row: row)
    let edit = document.edit(to: number)
    let label = edit?.label ?? "as loaded"
    let name = document.names[number]
    canvas.putShortened(
      name ?? label, name == nil ? .edited : .title, column: columns.label, row: row,
      limit: columns.labelWidth)
    var subject = edit.map { edit in
      edit.changes.count == 1
        ? LayerNames.short(edit.changes[0].site, suffix: LayerNames.commonSuffix(state))
        : "\(edit.changes.count) layers"
    }
    if name != nil, edit != nil { subject = "\(label), \(subject ?? "")" }
    if let parent = document.parent(of: number), parent != number - 1 {
      subject = "from \(parent): \(subject ?? "")"
    }
    canvas.putShortened(
      subject ?? "", .text, column: columns.subject, row: row, limit: columns.subjectWidth)
    if let bytes = state.history.byteCounts[number] {
      canvas.putRight(Numbers.bytes(bytes), .text, end: columns.sizeEnd, row: row)
    }
    draw(state.history.losses[number], end: columns.lossEnd, row: row, on: &canvas)
  }

  /// A divergence with one letter for where it comes from.
  private static func draw(
    _ loss: Estimate?, end: Int, row: Int, on canvas: inout Canvas
  ) {
    guard let loss else {
      canvas.putRight("·", .track, end: end, row: row)
      return
    }
    let (word, role): (String, StyleRole) =
      switch loss.provenance {
      case .exact: ("exact", .ok)
      case .measured: ("meas.", .ok)
      case .predicted: ("pred.", .dim)
      case .prior: ("prior", .warn)
      }
    canvas.putRight(word, role, end: end, row: row)
    let value: String =
      if case .outside(let limit) = loss.trust {
        ">" + Numbers.compact(limit)
      } else {
        Numbers.compact(loss.value)
      }
    canvas.putRight(value, .text, end: end - 6, row: row)
  }
}
