import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The export dialog.
enum ExportView {
  static func draw(
    _ dialog: ExportDialog, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let replaced = state.sites.filter { state.document.choice(of: $0.name).asked != nil }
    let listed = min(replaced.count, 5)
    let inside = OverlayView.box(
      "export", columns: 76, rows: 12 + (listed > 0 ? listed + 2 : 0), on: &canvas, layout: layout)
    let (column, limit) = (inside.column, inside.columns)
    canvas.put("file", .dim, column: column, row: inside.row)
    if dialog.pathState == .exists {
      canvas.putShortened(
        dialog.path.text, .text, column: column + 10, row: inside.row, limit: limit - 10)
    } else {
      FieldView.draw(
        dialog.path, column: column + 10, row: inside.row, columns: limit - 10, on: &canvas)
    }
    drawPathState(dialog, row: inside.row + 1, inside, on: &canvas)
    if let bytes = state.plannedByteCount {
      canvas.put("size", .dim, column: column, row: inside.row + 3)
      canvas.put(
        "\(Numbers.grouped(bytes)) bytes · \(Numbers.bytes(bytes)), exact", .text,
        column: column + 10, row: inside.row + 3, limit: limit - 10)
    }
    canvas.put("quality", .dim, column: column, row: inside.row + 4)
    canvas.put(
      quality(state), .text, column: column + 10, row: inside.row + 4, limit: limit - 10)
    canvas.put("writes", .dim, column: column, row: inside.row + 5)
    canvas.putShortened(
      content(state), .text, column: column + 10, row: inside.row + 5, limit: limit - 10)
    if listed > 0 { drawReplaced(replaced, listed, state, inside, on: &canvas) }
    OverlayView.buttons(
      of: dialog.pathState == .exists ? .overwrite : .export, on: &canvas, column: column,
      row: inside.row + inside.rows - 1, limit: limit)
  }

  private static func drawPathState(
    _ dialog: ExportDialog, row: Int, _ inside: Rect, on canvas: inout Canvas
  ) {
    let column = inside.column + 10
    let limit = inside.columns - 10
    switch dialog.pathState {
    case .unchecked: break
    case .checking: canvas.put("looking", .dim, column: column, row: row)
    case .exists:
      canvas.put(
        "exists and will not be replaced unless you say so", .warn, column: column,
        row: row, limit: limit)
    case .unusable(let reason):
      canvas.putShortened(reason, .bad, column: column, row: row, limit: limit)
    }
  }

  /// What kind of file it becomes, how much of it is new, and what keeps it from being GGUF.
  private static func content(_ state: WorkbenchState) -> String {
    guard let sizes = state.summary?.sizeModel else { return "" }
    let plan = state.document.plan
    let treated = state.sites.filter { plan.change(of: $0) != nil }
    let target = sizes.target(of: plan)
    let text = "\(target.rawValue), \(treated.count) of \(state.sites.count) layers treated"
    guard target != .gguf, sizes.target(of: Plan()) == .gguf else { return text }
    let reason = treated.lazy.compactMap { site in
      plan[site.name].ggufRestriction(for: site).map { "\(site.name): \($0)" }
    }.first
    return text + (reason.map { "; no GGUF: \($0)" } ?? "")
  }

  private static func quality(_ state: WorkbenchState) -> String {
    guard let kl = state.figures.quality?.klMean else { return "not known yet" }
    let half =
      kl.interval.map { " ±\(Numbers.halfWidth($0.halfWidth, beside: kl.value))" } ?? ""
    let stale = state.isQualityStale ? ", stale" : ""
    let story = kl.provenance.sentence(state.sample)
    return "KL \(Numbers.compact(kl.value)) nats\(half), \(story)\(stale)"
  }

  private static func drawReplaced(
    _ replaced: [Site], _ listed: Int, _ state: WorkbenchState, _ inside: Rect,
    on canvas: inout Canvas
  ) {
    let row = inside.row + 7
    let more = replaced.count > listed ? ", the first \(listed):" : ":"
    canvas.put(
      "≠ \(replaced.count) layers store another format than asked\(more)", .substituted,
      column: inside.column, row: row, limit: inside.columns)
    for (offset, site) in replaced.prefix(listed).enumerated() {
      let choice = state.document.choice(of: site.name)
      let asked = choice.asked?.name ?? ""
      canvas.putShortened(
        site.name, .text, column: inside.column + 2, row: row + 1 + offset, limit: 28)
      let reason = choice.substitutionReason(for: site) ?? ""
      canvas.putShortened(
        "\(asked) → \(choice.treatment.name)  \(reason)", .dim, column: inside.column + 31,
        row: row + 1 + offset, limit: inside.columns - 31)
    }
  }
}
