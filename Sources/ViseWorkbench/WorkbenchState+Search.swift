public import ViseCompression
import ViseEstimates

extension WorkbenchState {
  /// Seconds a search begun here may take.
  static let searchSeconds = 300.0

  /// What stands when a plan is fitted: treatments that were chosen by hand.
  ///
  /// What an earlier fit or search chose is free again.
  public var handPlan: Plan {
    let byHand = document.sitesEditedByHand
    return Plan(treatments: document.plan.treatments.filter { byHand.contains($0.key) })
  }

  /// Takes the limits typed, and fits the plan to them at once.
  mutating func setLimits(_ text: String) throws(PromptFault) -> [WorkbenchEffect] {
    guard let summary, text.contains(where: { $0 != " " }) else { return [] }
    limits = try parsedLimits(text, summary)
    guard !limits.isEmpty else {
      message = .note("no limits")
      return []
    }
    message = .note("limit \(limits.label): F fits the plan, s searches")
    return []
  }

  /// What `text` limits, in figures of the model that is open.
  func parsedLimits(_ text: String, _ summary: ModelSummary) throws(PromptFault) -> PlanLimits {
    let stored = sites.reduce(0) { $0 + summary.sizeModel.byteCount(of: $1, under: .keep) }
    let whole = referenceByteCount ?? 0
    return try PlanLimits.parse(
      text, whole: whole, weights: sites.reduce(0) { $0 + $1.parameterCount },
      others: whole - stored)
  }

  /// Takes the limits typed, and fits the plan to them in the same frame.
  mutating func fit(to text: String) -> [WorkbenchEffect] {
    do throws(PromptFault) {
      return try setLimits(text) + fit()
    } catch {
      return refuse(error.reason)
    }
  }

  func fit() -> [WorkbenchEffect] { [.fit(base: handPlan, limits: limits)] }

  /// Takes the fitted plan as one edit.
  mutating func receive(_ outcome: FitOutcome) -> [WorkbenchEffect] {
    switch outcome {
    case .refused(let reason): return refuse(reason)
    case .fitted(let plan, let guessed, let total):
      return adopt(
        plan, label: "fit \(limits.label)",
        reason: guessed > 0 ? "losses of \(guessed) of \(total) layers are guessed (≈)" : nil)
    }
  }

  /// Makes `plan` the plan, as one edit that undo takes back.
  mutating func adopt(
    _ plan: Plan, label: String, reason: String? = nil
  ) -> [WorkbenchEffect] {
    let changes = plan.changedSites(from: document.plan, among: sites).map {
      SiteChange(site: $0.name, choice: SiteChoice(plan[$0.name]))
    }
    return adopt(changes, label: label, origin: .fitted, reason: reason)
  }

  /// Makes `changes`, as one edit that undo takes back.
  mutating func adopt(
    _ changes: [SiteChange], label: String, origin: Edit.Origin, reason: String? = nil
  ) -> [WorkbenchEffect] {
    let edit = Edit(label: label, changes: changes, origin: origin)
    let sizeBefore = plannedByteCount ?? 0
    let planBefore = document.plan
    guard document.apply(edit) else { return refuse("the plan is that already") }
    planBeforeEdit = planBefore
    let report = EditReport(
      verb: .did, subject: subject(changes.map(\.site)), change: label,
      sizeDelta: (plannedByteCount ?? 0) - sizeBefore, substituted: 0, refused: 0,
      reason: reason)
    return planChanged(report, entry: .edited(document.edits.last ?? edit))
  }

  /// Shows the search; begins one where none was begun under these limits.
  mutating func openSearch() -> [WorkbenchEffect] {
    overlay = .search
    if let search, search.isRunning || search.wish.limits == limits { return [] }
    return beginSearch()
  }

  mutating func beginSearch() -> [WorkbenchEffect] {
    let job = nextJob
    nextJob += 1
    let wish = SearchWish(
      base: handPlan, limits: limits, seconds: Self.searchSeconds, seed: UInt64(job))
    search = SearchPanel(job: job, wish: wish)
    jobs.append(Job(id: job, progress: nil, exportPath: nil))
    return [.send(.search(wish, job: job))]
  }

  mutating func performInSearch(_ command: Command) -> [WorkbenchEffect] {
    switch command {
    case .back: overlay = nil
    case .confirm:
      guard let best = search?.snapshot?.best else { return refuse("no plan was measured yet") }
      overlay = nil
      return adopt(best.plan, label: "search \(search?.wish.limits.label ?? "")")
    case .openCompare:
      guard let best = search?.snapshot?.best else { return refuse("no plan was measured yet") }
      return openComparison(with: .measured(best))
    case .toggleSearchPause:
      guard let search, search.isRunning else { return [] }
      self.search?.isPaused.toggle()
      return [.send(.setSearchPaused(!search.isPaused))]
    case .stopSearch:
      guard let search, search.isRunning else { return [] }
      return [.send(.cancel(job: search.job))]
    case .searchAgain:
      if search?.isRunning ?? false { return refuse("a search runs; x stops it") }
      return limits.isEmpty ? refuse("set a limit first (b)") : beginSearch()
    default: break
    }
    return []
  }

  mutating func receive(_ snapshot: SearchSnapshot, job: Int) {
    if search?.job == job { search?.snapshot = snapshot }
  }

  /// Notes how the search with this job's number ended; false where it is another job.
  mutating func endSearch(_ job: Int, _ outcome: JobOutcome) -> Bool {
    guard search?.job == job else { return false }
    switch outcome {
    case .finished: search?.ending = .finished
    case .cancelled: search?.ending = .stopped
    case .failed(let reason): search?.ending = .failed(reason)
    }
    guard overlay != .search else { return true }
    switch outcome {
    case .failed(let reason): message = .refusal("the search failed: \(reason)")
    default:
      message = .note(
        search?.snapshot?.best == nil
          ? "the search ended without a plan" : "search done: s shows it, enter there adopts")
    }
    return true
  }

  mutating func openFrontier() -> [WorkbenchEffect] {
    open(.frontier)
    return [.send(.findMeasuredPlans)]
  }

  mutating func performInFrontier(_ command: Command) -> [WorkbenchEffect] {
    let last = frontier.frontier.points.count - 1
    switch command {
    case .back: closePage()
    case .moveUp: frontier.cursor = max(frontier.cursor - 1, 0)
    case .moveDown: frontier.cursor = min(frontier.cursor + 1, max(last, 0))
    case .moveToTop: frontier.cursor = 0
    case .moveToBottom: frontier.cursor = max(last, 0)
    case .confirm:
      guard let selected = frontier.selected else { return refuse("no plan was measured yet") }
      closePage()
      return adopt(selected.measured.plan, label: "frontier")
    case .openCompare:
      guard let selected = frontier.selected else { return refuse("no plan was measured yet") }
      return openComparison(with: .measured(selected.measured))
    case .undo: return undo()
    case .redo: return redo()
    case .openHelp: overlay = .help(top: 0)
    default: break
    }
    return []
  }
}
