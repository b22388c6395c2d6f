import ViseCompression
public import ViseEstimates

/// What is known of the states of a plan's history, and where the user looks in it.
public struct History: Hashable, Sendable {
  /// Exact bytes of exported files, by state; known of those that were seen.
  public internal(set) var byteCounts: [Int: Int] = [:]
  /// The best divergence known when the plan was last in a state.
  public internal(set) var losses: [Int: Estimate] = [:]
  /// The state under the cursor.
  public internal(set) var cursor = 0
}

extension WorkbenchState {
  mutating func openHistory() {
    open(.history)
    history.cursor = document.position
    findByteCounts()
  }

  /// Keeps the figures of the state the plan is in.
  mutating func rememberFigures() {
    history.byteCounts[document.position] = plannedByteCount
    guard !document.plan.isEmpty else {
      history.losses[document.position] = Estimate(value: 0, provenance: .exact)
      return
    }
    guard !isQualityStale, let kl = figures.quality?.klMean else { return }
    // A state's plan never changes, so what was measured of it stays true.
    let known = history.losses[document.position].map(Figures.rank) ?? -1
    if Figures.rank(kl) >= known { history.losses[document.position] = kl }
  }

  /// Finds the sizes of the states about the cursor.
  private mutating func findByteCounts() {
    guard let sizes = summary?.sizeModel else { return }
    let rows = reading.rowCount
    let first = max(history.cursor - rows, 0)
    let last = min(history.cursor + rows, document.stateCount)
    var walker = document
    for state in first...max(first, last) where history.byteCounts[state] == nil {
      if state != walker.position { _ = walker.jump(to: state) }
      history.byteCounts[state] = sizes.byteCount(of: walker.plan)
    }
  }

  mutating func moveInHistory(to state: Int) {
    history.cursor = min(max(state, 0), document.stateCount)
    findByteCounts()
  }

  /// Newer states are above, so moving down goes back in time.
  mutating func performInHistory(_ command: Command) -> [WorkbenchEffect] {
    let cursor = history.cursor
    switch command {
    case .back: closePage()
    case .moveUp: moveInHistory(to: cursor + 1)
    case .moveDown: moveInHistory(to: cursor - 1)
    case .pageUp: moveInHistory(to: cursor + reading.rowCount)
    case .pageDown: moveInHistory(to: cursor - reading.rowCount)
    case .moveToTop: moveInHistory(to: document.stateCount)
    case .moveToBottom: moveInHistory(to: 0)
    case .confirm: return jump(to: cursor)
    case .openCompare: return compare(withState: cursor)
    case .undo, .redo:
      let effects = performOnBench(command)
      moveInHistory(to: document.position)
      return effects
    case .openPrompt, .openHelp: return performOnBench(command)
    default: break
    }
    return []
  }

  /// Brings the plan into a state of its history.
  mutating func jump(to state: Int) -> [WorkbenchEffect] {
    let sizeBefore = plannedByteCount ?? 0
    let planBefore = document.plan
    guard document.jump(to: state) else { return refuse("the plan is in that state") }
    planBeforeEdit = planBefore
    let changed = document.plan.changedSites(from: planBefore, among: sites).map(\.name)
    let report = EditReport(
      verb: .wentTo, subject: subject(changed), change: title(ofState: state),
      sizeDelta: (plannedByteCount ?? 0) - sizeBefore, substituted: 0, refused: 0, reason: nil)
    return planChanged(report, entry: .jumped(to: state))
  }

  private mutating func compare(withState state: Int) -> [WorkbenchEffect] {
    var walker = document
    _ = walker.jump(to: state)
    return openComparison(with: .state(state, walker.plan))
  }

  /// Gives the state under the cursor the name typed.
  mutating func nameState(_ name: String) -> [WorkbenchEffect] {
    let name = String(name.prefix(80))
    guard name != document.names[history.cursor] ?? "" else { return [] }
    document.name(history.cursor, name)
    return [.record(.named(state: history.cursor, name: name))]
  }

  /// The user's name for a state, or its number.
  public func title(ofState state: Int) -> String {
    document.names[state] ?? (state == 0 ? "as loaded" : "state \(state)")
  }
}
