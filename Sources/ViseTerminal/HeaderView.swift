import ViseEstimates
import ViseWorkbench

/// The first row: what is open, and what the engine is doing.
enum HeaderView {
  static func draw(_ state: WorkbenchState, statistics: String?, on canvas: inout Canvas) {
    let end = canvas.size.columns - 1
    let status = statistics ?? engineWord(state)
    let statusColumns = min(Canvas.columns(of: status), canvas.size.columns / 2)
    let dotColumn = end - statusColumns - 2
    canvas.put("vise", .title, column: 1, row: 0)
    canvas.put("│", .rule, column: 6, row: 0)
    let isBusy = state.activity != nil || state.jobs.isEmpty == false
    let role: StyleRole = state.isPaused ? .warn : isBusy ? .ok : .dim
    canvas.put(isBusy ? "●" : "○", role, column: dotColumn, row: 0)
    canvas.put(status, .dim, column: dotColumn + 2, row: 0, limit: statusColumns)
    let calibrated = state.summary?.calibration == nil ? "" : " · calibrated"
    let about =
      state.summary.map { summary in
        let parts =
          summary.blockCount > 0
          ? "\(summary.blockCount) blocks" : "\(summary.sites.count) layers"
        return "\(summary.architecture) · \(parts)\(calibrated)"
      } ?? ""
    let aboutColumns = Canvas.columns(of: about)
    let name = state.summary?.name ?? state.modelPath
    let plan = state.parked == nil ? "" : " · plan \(state.planNumber) of 2"
    let star = state.hasUnexportedEdits ? "*" : ""
    let room = dotColumn - 10
    let showsAbout = room - aboutColumns - 4 >= 24
    let nameLimit = showsAbout ? room - aboutColumns - 4 : room
    canvas.putShortened(name + star + plan, .text, column: 8, row: 0, limit: nameLimit)
    if showsAbout { canvas.putRight(about, .dim, end: dotColumn - 3, row: 0) }
  }

  private static func engineWord(_ state: WorkbenchState) -> String {
    if state.isPaused { return "paused" }
    if let progress = state.jobs.last?.progress, progress.total > 0 {
      let share = Numbers.percent(Double(progress.completed) / Double(progress.total))
      let rest = progress.secondsRemaining.map { " \(Numbers.duration($0))" } ?? ""
      return "\(progress.activity) \(share)\(rest)"
    }
    if let search = state.search, search.isRunning, let word = searchWord(search) { return word }
    if let activity = state.activity { return activity }
    switch state.opening {
    case .choosing: return "no model"
    case .underWay: return "opening"
    case .failed: return "failed"
    case .done: return "idle"
    }
  }

  private static func searchWord(_ search: SearchPanel) -> String? {
    guard let snapshot = search.snapshot else { return nil }
    let share = Numbers.percent(min(snapshot.seconds / max(snapshot.secondsLimit, 1e-9), 1))
    return search.isPaused ? "search paused" : "search \(share)"
  }
}
