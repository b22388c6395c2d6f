import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The search that was begun last: its goal, how far it is, and the best so far.
enum SearchView {
  private static let curveRows = 5

  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    guard let search = state.search else { return }
    let strategy = search.snapshot.map { "\($0.strategy), " } ?? ""
    let inside = OverlayView.box(
      "search · \(strategy)seed \(search.wish.seed)", columns: 68, rows: 18, on: &canvas,
      layout: layout)
    var row = inside.row
    func line(_ label: String, _ text: String, _ role: StyleRole = .text) {
      guard row < inside.row + inside.rows - 1 else { return }
      canvas.put(label, .dim, column: inside.column, row: row)
      canvas.put(
        text, role, column: inside.column + 9, row: row, limit: inside.columns - 9)
      row += 1
    }
    line("goal", search.wish.limits.klMean == nil ? "the least KL divergence" : "the smallest file")
    line("limits", search.wish.limits.label)
    line("kept", kept(search.wish.base.treatments.count))
    row += 1
    let (progress, role) = Self.progress(search)
    line("now", progress, role)
    drawBar(search, column: inside.column, row: row, columns: inside.columns, on: &canvas)
    row += 1
    if let best = search.snapshot?.best {
      line("best", Self.best(best, state), .value)
    } else {
      line("best", "none measured yet", .dim)
    }
    row += 1
    let curve = search.snapshot?.curve ?? []
    let room = inside.row + inside.rows - 2 - row
    if curve.count > 1, room >= 3 {
      drawCurve(
        curve, trials: search.snapshot?.trials ?? 0,
        Rect(
          column: inside.column, row: row, columns: inside.columns,
          rows: min(room, curveRows + 1)), on: &canvas)
    }
    OverlayView.buttons(
      of: .search, on: &canvas, column: inside.column, row: inside.row + inside.rows - 1,
      limit: inside.columns)
  }

  private static func kept(_ count: Int) -> String {
    switch count {
    case 0: "nothing was chosen by hand"
    case 1: "1 layer as chosen by hand"
    default: "\(count) layers as chosen by hand"
    }
  }

  private static func progress(_ search: SearchPanel) -> (text: String, role: StyleRole) {
    switch search.ending {
    case .finished?:
      return ("finished, \(search.snapshot?.trials ?? 0) plans measured", .ok)
    case .stopped?: return ("stopped, \(search.snapshot?.trials ?? 0) plans measured", .warn)
    case .failed(let reason)?: return ("failed: \(reason)", .bad)
    case nil: break
    }
    guard let snapshot = search.snapshot else { return ("starting", .text) }
    let word = search.isPaused ? "paused, " : ""
    switch snapshot.stage {
    case .surveying(let waiting):
      return ("\(word)measuring what layers lose alone, \(waiting) to go", .text)
    case .measuring, .finished:
      let left = Numbers.duration(max(0, snapshot.secondsLimit - snapshot.seconds))
      return ("\(word)plan \(snapshot.trials + 1) is measured, \(left) left", .text)
    }
  }

  private static func best(_ best: MeasuredPlan, _ state: WorkbenchState) -> String {
    let kl = best.klMean
    let half = kl.interval.map {
      " ±\(Numbers.halfWidth($0.halfWidth, beside: kl.value))"
    }
    let bytes = state.summary?.sizeModel.byteCount(of: best.plan)
    return "KL \(Numbers.compact(kl.value))\(half ?? "") nats, "
      + "\(bytes.map(Numbers.bytes) ?? ""), measured"
  }

  private static func drawBar(
    _ search: SearchPanel, column: Int, row: Int, columns: Int, on canvas: inout Canvas
  ) {
    let share = search.snapshot.map { $0.seconds / max($0.secondsLimit, 1e-9) } ?? 0
    let (filled, track) = Bars.bar(search.isRunning ? share : 1, columns: columns)
    let at = canvas.put(filled, .gauge, column: column, row: row)
    canvas.put(track, .track, column: at, row: row)
  }

  /// The best loss over the plans measured.
  private static func drawCurve(
    _ curve: [SearchSnapshot.CurvePoint], trials: Int, _ rect: Rect, on canvas: inout Canvas
  ) {
    guard let axis = PlotAxis(curve.map(\.loss), isLogarithmic: true), rect.columns > 20 else {
      return
    }
    var plot = Plot(
      rect: Rect(
        column: rect.column + 9, row: rect.row, columns: rect.columns - 9, rows: rect.rows - 1),
      glyphs: canvas.glyphs)
    let last = Double(max(trials, 1))
    plot.steps(
      curve.map { (x: Double($0.trial - 1) / last, y: axis.position($0.loss)) }, until: 1,
      .interval)
    plot.draw(on: &canvas)
    canvas.putRight(
      Numbers.compact(axis.range.upperBound), .dim, end: rect.column + 7, row: rect.row)
    canvas.putRight(
      Numbers.compact(axis.range.lowerBound), .dim, end: rect.column + 7,
      row: rect.row + rect.rows - 2)
    for row in rect.row..<rect.row + rect.rows - 1 {
      canvas.put("┤", .rule, column: rect.column + 8, row: row)
    }
    canvas.put(
      "best KL over plans measured", .dim, column: rect.column + 9,
      row: rect.row + rect.rows - 1, limit: rect.columns - 9)
  }
}
