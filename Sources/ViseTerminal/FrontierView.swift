import ViseCompression
import ViseEstimates
import ViseWorkbench

/// Measured plans, KL divergence over size: all as dots, those no other beats as a line.
enum FrontierView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    let panel = state.frontier
    let columns = layout.mainColumns
    let count = panel.points?.count ?? 0
    canvas.titledRule(
      "frontier · KL divergence over size",
      remark: "\(count) measured, \(panel.frontier.points.count) on the frontier", column: 0,
      row: 1, columns: columns)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
    guard let points = panel.points else {
      canvas.put("asking the engine", .dim, column: 2, row: 3)
      return
    }
    let chart = Rect(column: 0, row: 2, columns: columns, rows: layout.noteRow - 5)
    guard !points.isEmpty, chart.rows >= 4, chart.columns >= 30 else {
      canvas.put(
        points.isEmpty ? "no plan was measured on this text yet; s searches for some" : "",
        .dim, column: 2, row: 3, limit: columns - 3)
      return
    }
    drawChart(state, points, chart, on: &canvas)
    drawFigures(state, row: layout.noteRow - 2, columns: columns, on: &canvas)
  }

  private struct Axes {
    let x: PlotAxis
    let y: PlotAxis

    init?(_ state: WorkbenchState, _ points: [FrontierPanel.Point]) {
      var sizes = points.map { Double($0.byteCount) }
      if let limit = state.limits.byteCount { sizes.append(Double(limit)) }
      if let own = state.plannedByteCount, Self.ownLoss(state) != nil { sizes.append(Double(own)) }
      let losses = points.map(\.measured.klMean.value) + (Self.ownLoss(state).map { [$0] } ?? [])
      guard let x = PlotAxis(sizes, isLogarithmic: false),
        let y = PlotAxis(losses, isLogarithmic: true)
      else { return nil }
      self.x = x
      self.y = y
    }

    /// The plan on screen, where its quality is known and is no zero.
    static func ownLoss(_ state: WorkbenchState) -> Double? {
      guard !state.isQualityStale, let kl = state.figures.quality?.klMean.value, kl > 0 else {
        return nil
      }
      return kl
    }
  }

  private static let labelColumns = 8

  private static func drawChart(
    _ state: WorkbenchState, _ points: [FrontierPanel.Point], _ rect: Rect,
    on canvas: inout Canvas
  ) {
    guard let axes = Axes(state, points) else { return }
    let area = Rect(
      column: rect.column + labelColumns + 1, row: rect.row,
      columns: rect.columns - labelColumns - 2, rows: rect.rows - 2)
    var plot = Plot(rect: area, glyphs: canvas.glyphs)
    func place(_ point: FrontierPoint) -> (x: Double, y: Double) {
      (axes.x.position(point.costs[0]), axes.y.position(point.loss))
    }
    if let limit = state.limits.byteCount,
      let at = plot.cell(x: axes.x.position(Double(limit)), y: 0)
    {
      for row in area.row..<area.row + area.rows {
        canvas.put("╎", .warn, column: at.column, row: row)
      }
    }
    for point in state.frontier.frontier.beaten {
      let at = place(point)
      plot.point(x: at.x, y: at.y, .dim)
    }
    plot.steps(state.frontier.frontier.points.map(place), until: 1, .interval)
    plot.draw(on: &canvas)
    drawAxes(axes, rect, area, on: &canvas)
    if let own = Axes.ownLoss(state), let bytes = state.plannedByteCount,
      let at = plot.cell(x: axes.x.position(Double(bytes)), y: axes.y.position(own))
    {
      canvas.put("◆ you", .edited, column: at.column, row: at.row)
    }
    if state.frontier.frontier.points.indices.contains(state.frontier.cursor) {
      let at = place(state.frontier.frontier.points[state.frontier.cursor])
      if let cell = plot.cell(x: at.x, y: at.y) {
        canvas.put("●", .choice, column: cell.column, row: cell.row)
        canvas.cursor = (cell.column, cell.row)
      }
    }
  }

  private static func drawAxes(
    _ axes: Axes, _ rect: Rect, _ area: Rect, on canvas: inout Canvas
  ) {
    for row in area.row..<area.row + area.rows {
      canvas.put("│", .rule, column: area.column - 1, row: row)
    }
    let bottom = area.row + area.rows
    canvas.put("└", .rule, column: area.column - 1, row: bottom)
    canvas.rule(column: area.column, row: bottom, columns: area.columns)
    let spread = max(area.rows - 1, 1)
    for part in 0...3 {
      let row = area.row + spread * part / 3
      let position = 1 - Double(row - area.row) / Double(spread)
      canvas.putRight(
        Numbers.compact(axes.y.value(at: position)), .dim, end: area.column - 2, row: row)
      canvas.put("┤", .rule, column: area.column - 1, row: row)
    }
    for part in 0...3 {
      let text = Numbers.bytes(Int(axes.x.value(at: Double(part) / 3)))
      let column = area.column + (area.columns - 1) * part / 3
      let start = part == 3 ? column - text.count + 1 : part == 0 ? column : column - text.count / 2
      canvas.put(text, .dim, column: start, row: bottom + 1)
    }
  }

  /// What the cursor is on, beside the plan on screen.
  private static func drawFigures(
    _ state: WorkbenchState, row: Int, columns: Int, on canvas: inout Canvas
  ) {
    canvas.rule(column: 0, row: row - 1, columns: columns)
    if let selected = state.frontier.selected {
      canvas.put("●", .choice, column: 1, row: row)
      canvas.put(
        figures(selected.measured.klMean, bytes: selected.byteCount, state.sample), .value,
        column: 3, row: row, limit: columns - 4)
    }
    guard let kl = state.figures.quality?.klMean, let bytes = state.plannedByteCount else { return }
    canvas.put("◆", .edited, column: 1, row: row + 1)
    let stale = state.isQualityStale ? ", stale" : ""
    canvas.put(
      "you: " + figures(kl, bytes: bytes, state.sample) + stale, .text, column: 3, row: row + 1,
      limit: columns - 4)
  }

  private static func figures(
    _ kl: Estimate, bytes: Int, _ sample: ModelSummary.Sample
  ) -> String {
    let half = kl.interval.map { " ±\(Numbers.halfWidth($0.halfWidth, beside: kl.value))" } ?? ""
    return "KL \(Numbers.compact(kl.value))\(half) nats at \(Numbers.bytes(bytes)), "
      + kl.provenance.sentence(sample)
  }
}
