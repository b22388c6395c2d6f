import ViseCompression

/// A plan put aside with its history while another is edited.
public struct ParkedPlan: Hashable, Sendable {
  public internal(set) var document: Document
  var history = History()
  /// What of it was written to a file last.
  var exportedPlan: Plan?
}

extension WorkbenchState {
  /// Puts the plan aside and goes on with the other one, which begins as a copy of it.
  mutating func switchPlans() -> [WorkbenchEffect] {
    let aside = ParkedPlan(document: document, history: history, exportedPlan: exportedPlan)
    let next = parked ?? aside
    parked = aside
    (document, history, exportedPlan) = (next.document, next.history, next.exportedPlan)
    planNumber = planNumber == 1 ? 2 : 1
    planBeforeEdit = nil
    message = .note("plan \(planNumber) of 2 (X goes to the other, D lays them side by side)")
    refreshList()
    return [.record(.switched)] + planReplaced()
  }
}

/// The plans a journal leads to.
struct JournalPlans {
  private(set) var current = Document()
  /// The plan put aside, once there was one.
  private(set) var parked: Document?
  private(set) var number = 1

  /// Does again what `entry` recorded.
  mutating func replay(_ entry: JournalEntry, sites: [String: Site]) {
    guard entry == .switched else {
      current.replay(entry, sites: sites)
      return
    }
    let aside = current
    current = parked ?? aside
    parked = aside
    number = number == 1 ? 2 : 1
  }
}
