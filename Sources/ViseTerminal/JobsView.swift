import ViseCompression
import ViseEstimates
import ViseWorkbench

/// What the engine does: its jobs with how far they are, what it is at and what waits, what it
/// knows, and the end of the log.
enum JobsView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    let width = layout.mainColumns
    let doing = state.isPaused ? "paused" : state.activity ?? "idle"
    canvas.titledRule("jobs", remark: "engine: \(doing)", column: 0, row: 1, columns: width)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
    if state.jobs.isEmpty { canvas.put("no job runs", .dim, column: 3, row: 2) }
    let rows = max((layout.noteRow - 2) / 4, 1)
    let cursor = min(max(state.jobCursor, 0), max(state.jobs.count - 1, 0))
    let top = ListWindow.top(cursor: cursor, rows: rows, of: state.jobs.count)
    let shown = state.jobs.dropFirst(top).prefix(rows)
    for (offset, job) in shown.enumerated() {
      draw(
        job, state, isSelected: top + offset == cursor, width: width, row: 2 + offset, on: &canvas)
      canvas.addHit(Rect(column: 0, row: 2 + offset, columns: width, rows: 1), .item(top + offset))
    }
    let queueRow = 2 + max(shown.count, 1)
    let queueRows = min(state.queue.count + 1, max((layout.noteRow - 2) / 3, 2))
    QueueView.draw(state, width: width, row: queueRow, rows: queueRows, on: &canvas)
    let row = queueRow + 1 + queueRows
    drawKnowledge(state, width: width, row: row, on: &canvas)
    drawLog(state, rows: row + 4..<max(layout.noteRow, row + 4), width: width, on: &canvas)
  }

  private static func draw(
    _ job: Job, _ state: WorkbenchState, isSelected: Bool, width: Int, row: Int,
    on canvas: inout Canvas
  ) {
    if isSelected {
      canvas.put("▸", .mark, column: 0, row: row)
      canvas.cursor = (0, row)
    }
    let barColumns = width >= 76 ? 20 : 10
    let end = width - 1
    let bar = end - 16 - barColumns
    canvas.putShortened(
      state.title(of: job), isSelected ? .selection : .text, column: 3, row: row, limit: bar - 4)
    guard let (share, left) = progress(of: job, state) else {
      canvas.put("waits for its turn", .dim, column: bar, row: row, limit: end - bar)
      return
    }
    let (filled, track) = Bars.bar(share, columns: barColumns)
    let at = canvas.put(filled, .gauge, column: bar, row: row)
    canvas.put(track, .track, column: at, row: row)
    canvas.putRight(Numbers.percent(share), .text, end: bar + barColumns + 5, row: row)
    if let left {
      canvas.putRight("\(Numbers.duration(left)) left", .dim, end: end, row: row)
    }
  }

  /// How far the job is, 0…1, and the seconds left where they are known.
  private static func progress(
    of job: Job, _ state: WorkbenchState
  ) -> (share: Double, left: Double?)? {
    if let search = state.search, search.job == job.id {
      guard let snapshot = search.snapshot else { return nil }
      let limit = max(snapshot.secondsLimit, 1e-9)
      return (min(snapshot.seconds / limit, 1), max(limit - snapshot.seconds, 0))
    }
    guard let progress = job.progress, progress.total > 0 else { return nil }
    return (Double(progress.completed) / Double(progress.total), progress.secondsRemaining)
  }

  private static func drawKnowledge(
    _ state: WorkbenchState, width: Int, row: Int, on canvas: inout Canvas
  ) {
    canvas.titledRule("known", column: 0, row: row, columns: width)
    let layers = state.sensitivities.count
    let effects = state.sensitivities.values.reduce(0) { $0 + $1.count }
    canvas.put("effects", .dim, column: 1, row: row + 1)
    canvas.put(
      "\(Numbers.grouped(effects)) known, \(layers) of \(state.sites.count) layers", .text,
      column: 10, row: row + 1,
      limit: width - 11)
    canvas.put("plan", .dim, column: 1, row: row + 2)
    let stale = state.isQualityStale ? ", of an older plan" : ""
    canvas.put(
      (state.figures.quality?.klMean.provenance.sentence(state.sample) ?? "nothing yet") + stale,
      .text,
      column: 10, row: row + 2, limit: width - 11)
  }

  private static func drawLog(
    _ state: WorkbenchState, rows: Range<Int>, width: Int, on canvas: inout Canvas
  ) {
    guard rows.count >= 1 else { return }
    canvas.titledRule(
      "log", remark: "\(state.log.count) line\(state.log.count == 1 ? "" : "s")", column: 0,
      row: rows.lowerBound - 1, columns: width)
    for (offset, line) in state.log.suffix(rows.count).enumerated() {
      canvas.put(line, .text, column: 1, row: rows.lowerBound + offset, limit: width - 2)
    }
  }
}

/// What the engine is at and what waits, most wanted first.
enum QueueView {
  static func draw(
    _ state: WorkbenchState, width: Int, row: Int, rows: Int, on canvas: inout Canvas
  ) {
    canvas.titledRule("queue", remark: "most wanted first", column: 0, row: row, columns: width)
    let now = state.isPaused ? "paused (P goes on)" : state.activity ?? "nothing"
    canvas.put("now", .dim, column: 3, row: row + 1)
    canvas.putShortened(
      now, state.activity == nil ? .dim : .ok, column: 8, row: row + 1, limit: width - 9)
    // The last row says how many more there are.
    let isCut = state.queue.count > rows - 1
    let shown = state.queue.prefix(isCut ? max(rows - 2, 0) : rows - 1)
    for (offset, work) in shown.enumerated() {
      let at = row + 2 + offset
      canvas.put("\(offset + 1)", .dim, column: 3, row: at)
      let left = left(of: work)
      let end = width - 1
      canvas.putShortened(
        title(of: work.kind), .text, column: 8, row: at,
        limit: end - 9 - Canvas.columns(of: left))
      canvas.putRight(left, .dim, end: end, row: at)
    }
    if isCut {
      canvas.put(
        "and \(state.queue.count - shown.count) more", .dim, column: 8, row: row + rows,
        limit: width - 9)
    }
  }

  private static func title(of kind: QueuedWork.Kind) -> String {
    switch kind {
    case .inspection: "the values of the layer looked at"
    case .spectra: "singular values that ranks are chosen by"
    case .export: "exports"
    case .planEffects: "effects of the plan's treatments"
    case .prediction: "a prediction of the plan"
    case .firstMeasurement: "a first measurement of the plan"
    case .search: "the search; what follows waits for its end"
    case .selectedFormats: "what bits would cost the selected layer"
    case .visibleFormats: "what bits would cost the layers on screen"
    case .timing: "how fast this machine is"
    case .fullMeasurement: "the plan measured on all of the text"
    case .otherFormats: "what bits would cost the other layers"
    }
  }

  private static func left(of work: QueuedWork) -> String {
    guard let remaining = work.remaining else { return "" }
    let count = Numbers.grouped(remaining)
    switch work.kind {
    case .prediction: return ""
    case .firstMeasurement, .fullMeasurement: return "\(count) windows left"
    case .timing: return "\(count) runs left"
    default: return "\(count) left"
    }
  }
}
