import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The list of formats for the targets of an edit.
enum FormatsView {
  static func draw(
    _ picker: FormatPicker, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let single = picker.targets.count == 1 ? picker.targets.first.map { state.sites[$0] } : nil
    let who = single?.name ?? "\(picker.targets.count) layers"
    let inside = OverlayView.box(
      "format · \(who)", columns: 66, rows: picker.choices.count + 5, on: &canvas, layout: layout)
    drawHeadings(isSingle: single != nil, inside, on: &canvas)
    let rows = max(inside.rows - 3, 1)
    let top = max(min(picker.cursor - rows / 2, picker.choices.count - rows), 0)
    for (offset, choice) in picker.choices.dropFirst(top).prefix(rows).enumerated() {
      drawRow(
        choice, isCurrent: top + offset == picker.cursor, single: single, state: state,
        inside: inside, row: inside.row + 1 + offset, on: &canvas)
    }
    let choice = picker.choices[picker.cursor]
    let row = inside.row + inside.rows - 1
    canvas.put(outcome(of: choice, picker, state), .dim, column: inside.column, row: row)
    if let reason = choice.reason {
      canvas.putShortened(
        reason, .substituted, column: inside.column, row: row - 1, limit: inside.columns)
    }
  }

  /// What the exported file would shrink or grow to.
  private static func outcome(
    of choice: FormatChoice, _ picker: FormatPicker, _ state: WorkbenchState
  ) -> String {
    guard let model = state.summary?.sizeModel, let now = state.plannedByteCount else { return "" }
    var plan = state.document.plan
    for index in picker.targets {
      let site = state.sites[index]
      guard let format = choice.format else {
        plan[site.name] = .keep
        continue
      }
      guard let used = DefaultFormat.resolve(format, for: site)?.used else { continue }
      plan[site.name] = Treatment(format: used)
    }
    let then = model.byteCount(of: plan)
    return "file \(Numbers.bytes(now)) → \(Numbers.bytes(then)) (\(Numbers.byteDelta(then - now)))"
  }

  private static func drawHeadings(isSingle: Bool, _ inside: Rect, on canvas: inout Canvas) {
    canvas.put("format", .heading, column: inside.column + 2, row: inside.row)
    canvas.putRight("bits", .heading, end: inside.column + 15, row: inside.row)
    canvas.putRight("bytes", .heading, end: inside.column + 30, row: inside.row)
    if isSingle {
      canvas.putRight("KL alone", .heading, end: inside.column + 40, row: inside.row)
    }
    canvas.put("fit", .heading, column: inside.column + 43, row: inside.row)
  }

  private static func drawRow(
    _ choice: FormatChoice, isCurrent: Bool, single: Site?, state: WorkbenchState, inside: Rect,
    row: Int, on canvas: inout Canvas
  ) {
    let column = inside.column
    let role: StyleRole = isCurrent ? .choice : choice.byteCount == nil ? .track : .text
    if isCurrent {
      canvas.put("▸", .mark, column: column, row: row)
      for offset in 2..<10 { canvas.put(" ", .choice, column: column + offset, row: row) }
    }
    canvas.put(choice.format?.name ?? "keep", role, column: column + 2, row: row, limit: 8)
    let format = choice.format ?? single.map { NumberFormat.ggml($0.stored) }
    if let format {
      canvas.putRight(
        Numbers.fixed(format.bitsPerWeight, 2), .text, end: column + 15, row: row)
    }
    if let bytes = choice.byteCount {
      canvas.putRight(Numbers.grouped(bytes), .text, end: column + 30, row: row)
    }
    if let single, let format = choice.format {
      let used = DefaultFormat.resolve(format, for: single)?.used
      if let effect = used.flatMap({ state.sensitivities[single.index]?[Treatment(format: $0)] }) {
        canvas.putRight(Numbers.compact(effect.value), .text, end: column + 40, row: row)
      } else {
        canvas.putRight("·", .track, end: column + 40, row: row)
      }
    }
    drawFit(
      choice, single: single, column: column + 43, row: row, limit: inside.columns - 43,
      on: &canvas)
  }

  private static func drawFit(
    _ choice: FormatChoice, single: Site?, column: Int, row: Int, limit: Int,
    on canvas: inout Canvas
  ) {
    guard let format = choice.format else {
      canvas.put("as the file has it", .dim, column: column, row: row, limit: limit)
      return
    }
    if choice.byteCount == nil {
      canvas.put("does not fit", .bad, column: column, row: row, limit: limit)
    } else if let single, choice.substituted > 0 {
      let used = DefaultFormat.resolve(format, for: single)?.used.name ?? ""
      canvas.put("≠ \(used)", .substituted, column: column, row: row, limit: limit)
    } else if choice.substituted + choice.refused > 0 {
      var text = "≠ \(choice.substituted) replaced"
      if choice.refused > 0 { text += ", \(choice.refused) kept" }
      canvas.put(text, .substituted, column: column, row: row, limit: limit)
    } else {
      canvas.put("ok", .text, column: column, row: row)
    }
  }
}

/// The export dialog.
enum ExportView {
  static func draw(
    _ dialog: ExportDialog, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let replaced = state.sites.filter { state.document.choice(of: $0.name).asked != nil }
    let listed = min(replaced.count, 5)
    let inside = OverlayView.box(
      "export", columns: 76, rows: 11 + (listed > 0 ? listed + 2 : 0), on: &canvas, layout: layout)
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

  private static func quality(_ state: WorkbenchState) -> String {
    guard let kl = state.figures.quality?.klMean else { return "not known yet" }
    let half =
      kl.interval.map { " ±\(Numbers.halfWidth($0.halfWidth, beside: kl.value))" } ?? ""
    let stale = state.isQualityStale ? ", stale" : ""
    return "KL \(Numbers.compact(kl.value)) nats\(half), \(kl.provenance.sentence)\(stale)"
  }

  private static func drawReplaced(
    _ replaced: [Site], _ listed: Int, _ state: WorkbenchState, _ inside: Rect,
    on canvas: inout Canvas
  ) {
    let row = inside.row + 6
    let more = replaced.count > listed ? ", the first \(listed):" : ":"
    canvas.put(
      "≠ \(replaced.count) layers store another format than asked\(more)", .substituted,
      column: inside.column, row: row, limit: inside.columns)
    for (offset, site) in replaced.prefix(listed).enumerated() {
      let choice = state.document.choice(of: site.name)
      let asked = choice.asked?.name ?? ""
      canvas.putShortened(
        site.name, .text, column: inside.column + 2, row: row + 1 + offset, limit: 28)
      let reason = choice.asked.flatMap { DefaultFormat.resolve($0, for: site)?.reason } ?? ""
      canvas.putShortened(
        "\(asked) → \(choice.treatment.name)  \(reason)", .dim, column: inside.column + 31,
        row: row + 1 + offset, limit: inside.columns - 31)
    }
  }
}
