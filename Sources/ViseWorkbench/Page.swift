/// A screen that takes the bench's place until it is left.
public enum Page: String, CaseIterable, Hashable, Sendable {
  case detail, frontier, compare, history, heat, jobs

  /// Where its keys are looked up.
  var context: KeyContext {
    switch self {
    case .detail: .detail
    case .frontier: .frontier
    case .compare: .compare
    case .history: .history
    case .heat: .heat
    case .jobs: .jobs
    }
  }
}

extension WorkbenchState {
  /// The screen in the bench's place; `nil` is the bench.
  public var page: Page? { pages.last }

  /// Shows `page` over the one shown now, which comes back when it is left.
  mutating func open(_ page: Page) {
    pages.removeAll { $0 == page }
    pages.append(page)
    // What an edit did stays worth knowing, and can be undone there; notes are of the screen before.
    if case .edit? = message { return }
    message = nil
  }

  /// Goes back to the screen before, brought up to what has changed meanwhile.
  mutating func closePage() {
    _ = pages.popLast()
    refreshComparison()
    refreshHeat()
  }

  /// Whether the detail view takes the bench's place.
  public var isDetailOpen: Bool { page == .detail }

  /// Whether the frontier takes the bench's place.
  public var isFrontierOpen: Bool { page == .frontier }

  /// Does what `command` says on `page`.
  mutating func perform(_ command: Command, on page: Page) -> [WorkbenchEffect] {
    switch page {
    case .detail: performInDetail(command)
    case .frontier: performInFrontier(command)
    case .compare: performInComparison(command)
    case .history: performInHistory(command)
    case .heat: performInHeat(command)
    case .jobs: performInJobs(command)
    }
  }
}
