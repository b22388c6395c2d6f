import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The edited plan beside another: their figures, then the layers they treat differently.
enum CompareView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    guard let comparison = state.comparison else { return }
    let columns = Columns(width: layout.mainColumns)
    let count = comparison.differences.count
    let layers = layout.mainColumns < 78 ? "" : " of \(state.sites.count) layers"
    canvas.titledRule(
      "yours beside \(comparison.source.title)",
      remark: "\(count)\(layers) differ · by \(comparison.order.rawValue)", column: 0, row: 1,
      columns: layout.mainColumns)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
    canvas.put("yours", .heading, column: columns.own, row: 2)
    canvas.putShortened(
      comparison.source.title, .heading, column: columns.other, row: 2,
      limit: columns.figureWidth)
    if let delta = columns.delta {
      canvas.put("yours − other", .heading, column: delta, row: 2)
    }
    drawFigures(state, comparison, columns, on: &canvas)
    drawHeadings(
      Table(width: layout.mainColumns), order: comparison.order, columns: layout.mainColumns,
      on: &canvas)
    drawDifferences(state, comparison, layout, on: &canvas)
  }

  /// Where the figures of either plan stand.
  private struct Columns {
    let own = 9
    let figureWidth: Int
    let other: Int
    let delta: Int?
    let deltaWidth: Int

    init(width: Int) {
      delta = width >= 78 ? width - 18 : nil
      deltaWidth = 17
      figureWidth = ((delta ?? width) - 10) / 2
      other = 9 + figureWidth
    }
  }

  private static func drawFigures(
    _ state: WorkbenchState, _ comparison: PlanComparison, _ columns: Columns,
    on canvas: inout Canvas
  ) {
    for (offset, label) in ["size", "KL nats", "decode"].enumerated() {
      canvas.put(label, .dim, column: 1, row: 3 + offset)
    }
    if let problem = comparison.problem {
      canvas.putShortened(
        problem, .warn, column: columns.other, row: 3,
        limit: columns.figureWidth + (columns.delta == nil ? 0 : columns.deltaWidth))
    }
    drawSizes(state, comparison, columns, on: &canvas)
    draw(
      state.figures.quality?.klMean, comparison.quality?.klMean, scale: 1,
      isStale: state.isQualityStale, columns, row: 4, on: &canvas)
    draw(
      state.figures.latency?.decodeSecondsPerToken, comparison.latency?.decodeSecondsPerToken,
      scale: 1000, isStale: state.isLatencyStale, columns, row: 5, on: &canvas)
  }

  private static func drawSizes(
    _ state: WorkbenchState, _ comparison: PlanComparison, _ columns: Columns,
    on canvas: inout Canvas
  ) {
    guard let own = state.plannedByteCount else { return }
    canvas.put(
      "\(Numbers.bytes(own)) exact", .value, column: columns.own, row: 3,
      limit: columns.figureWidth - 1)
    guard let other = comparison.byteCount else { return }
    canvas.put(
      "\(Numbers.bytes(other)) exact", .value, column: columns.other, row: 3,
      limit: columns.figureWidth - 1)
    if let delta = columns.delta {
      canvas.put(
        Numbers.byteDelta(own - other), .text, column: delta, row: 3, limit: columns.deltaWidth)
    }
  }

  private static func draw(
    _ own: Estimate?, _ other: Estimate?, scale: Double, isStale: Bool, _ columns: Columns,
    row: Int, on canvas: inout Canvas
  ) {
    for (estimate, column, isStale) in [
      (own, columns.own, isStale), (other, columns.other, false),
    ] {
      guard let estimate else {
        canvas.put("not known", .track, column: column, row: row)
        continue
      }
      canvas.put(
        text(estimate, scale: scale, isStale: isStale), isStale ? .dim : .value, column: column,
        row: row, limit: columns.figureWidth - 1)
    }
    guard let own, let other, let delta = columns.delta, !isStale else { return }
    let difference = (own.value - other.value) * scale
    let sign = difference < 0 ? "−" : "+"
    let at = canvas.put(
      difference == 0 ? "±0" : sign + Numbers.compact(difference.magnitude), .text, column: delta,
      row: row)
    guard let verdict = PlanComparison.verdict(own, other) else { return }
    canvas.put(
      verdict.rawValue, verdict == .apart ? .ok : .dim, column: max(at + 1, delta + 9), row: row)
  }

  private static func text(_ estimate: Estimate, scale: Double, isStale: Bool) -> String {
    if case .outside(let limit) = estimate.trust {
      return "> \(Numbers.compact(limit * scale)) outside"
    }
    let value = estimate.value * scale
    let half = estimate.interval.map {
      " ±\(Numbers.halfWidth($0.halfWidth * scale, beside: value))"
    }
    let unit = scale == 1000 ? " ms" : ""
    return Numbers.compact(value) + (half ?? "") + unit + " "
      + (isStale ? "stale" : estimate.provenance.word)
  }

  /// Headings, of which some sort when they are clicked; the mark is where one does now.
  private static func drawHeadings(
    _ table: Table, order: PlanComparison.Order, columns: Int, on canvas: inout Canvas
  ) {
    canvas.rule(column: 0, row: 6, columns: columns)
    canvas.put(" yours ", .heading, column: table.own - 1, row: 6)
    canvas.put(" other ", .heading, column: table.other - 1, row: 6)
    let sorting: [(text: String, order: PlanComparison.Order, column: Int)] = [
      ("layer", .model, 3), ("bytes", .bytes, table.bytesEnd - 5),
      ("KL alone", .loss, table.lossEnd - 8),
    ]
    for (text, own, column) in sorting {
      let width = Canvas.columns(of: text)
      canvas.put(" \(text) ", .heading, column: column - 1, row: 6)
      if own == order { canvas.put("▾", .mark, column: column + width, row: 6) }
      canvas.addHit(
        Rect(column: column, row: 6, columns: width, rows: 1), .command(.sortDifferences(own)))
    }
  }

  private static func drawDifferences(
    _ state: WorkbenchState, _ comparison: PlanComparison, _ layout: Layout,
    on canvas: inout Canvas
  ) {
    let first = 7
    let rows = max(layout.noteRow - first, 0)
    guard comparison.plan != nil else {
      if comparison.problem == nil {
        canvas.put("looking for the plan", .dim, column: 3, row: first)
      }
      return
    }
    if comparison.differences.isEmpty {
      canvas.put("no layer is treated differently", .dim, column: 3, row: first)
    }
    let top = ListWindow.top(
      cursor: comparison.cursor, rows: rows, of: comparison.differences.count)
    let table = Table(width: layout.mainColumns)
    let suffix = LayerNames.commonSuffix(state)
    for (offset, difference) in comparison.differences.dropFirst(top).prefix(rows).enumerated() {
      draw(
        difference, state, comparison, table, suffix: suffix,
        isSelected: top + offset == comparison.cursor, row: first + offset, on: &canvas)
      canvas.addHit(
        Rect(column: 0, row: first + offset, columns: layout.mainColumns, rows: 1),
        .item(top + offset))
    }
  }

  /// Where a difference's parts are.
  private struct Table {
    let nameWidth: Int
    let own: Int
    let other: Int
    let treatmentWidth: Int
    let bytesEnd: Int
    let lossEnd: Int

    init(width: Int) {
      lossEnd = width - 2
      bytesEnd = lossEnd - 11
      treatmentWidth = width >= 100 ? 22 : width >= 78 ? 13 : 8
      other = bytesEnd - 11 - treatmentWidth
      own = other - treatmentWidth - 1
      nameWidth = own - 4
    }
  }

  private static func draw(
    _ difference: PlanComparison.Difference, _ state: WorkbenchState,
    _ comparison: PlanComparison, _ table: Table, suffix: String, isSelected: Bool, row: Int,
    on canvas: inout Canvas
  ) {
    let site = state.sites[difference.site]
    if isSelected {
      canvas.put("▸", .mark, column: 0, row: row)
      canvas.cursor = (0, row)
    }
    canvas.putShortened(
      LayerNames.short(site.name, suffix: suffix), isSelected ? .selection : .text, column: 3,
      row: row, limit: table.nameWidth)
    for (treatment, column) in [
      (state.document.plan[site.name], table.own),
      (comparison.plan?[site.name] ?? .keep, table.other),
    ] {
      canvas.putShortened(
        treatment.compactName(for: site), treatment == .keep ? .dim : .edited, column: column,
        row: row, limit: table.treatmentWidth)
    }
    canvas.putRight(Numbers.byteDelta(difference.byteDelta), .text, end: table.bytesEnd, row: row)
    guard let loss = difference.lossDelta else {
      canvas.putRight("·", .track, end: table.lossEnd, row: row)
      return
    }
    let sign = loss < 0 ? "−" : loss > 0 ? "+" : "±"
    canvas.putRight(
      "≈" + sign + Numbers.compact(loss.magnitude), .dim, end: table.lossEnd, row: row)
  }
}

/// Which part of a list is on the screen.
enum ListWindow {
  /// The first row shown, so that the row under the cursor is near the middle.
  static func top(cursor: Int, rows: Int, of count: Int) -> Int {
    min(max(cursor - rows / 2, 0), max(count - rows, 0))
  }
}
