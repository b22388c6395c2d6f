public import ViseTensor

/// How far a search is.
public struct SearchProgress: Hashable, Sendable {
  /// Plans measured on all windows.
  public var trials = 0
  /// Windows measured, of all plans together.
  public var windows = 0
  /// Seconds spent, those before an interruption included.
  public var seconds = 0.0
  /// The least mean KL of a plan within the limits, in nats; `nil` before the first.
  public var bestLoss: Double?
}

/// When a search ends by itself.
public struct SearchLimits: Hashable, Sendable {
  /// Seconds of work, after the first plan, which is measured in any case.
  public var seconds: Double?
  /// Windows of all plans together, as multiples of the text: full measurements' worth.
  public var trials: Int?

  public init(seconds: Double? = nil, trials: Int? = nil) {
    self.seconds = seconds
    self.trials = trials
  }
}

/// A search step by step: a strategy's proposals, measured, remembered and judged.
///
/// With a journal, a run goes on where an earlier one of the same name was stopped: what that one had
/// measured is told to the strategy again, which then proposes what it would have proposed.
public final class SearchRun {
  /// A plan measured on all windows.
  public struct Trial: Hashable, Sendable {
    public let choice: [Int]
    /// Mean KL of each window, in nats.
    public let losses: [Double]
    public let isFeasible: Bool

    public var loss: Double { losses.reduce(0, +) / Double(losses.count) }
  }

  /// The least loss after some time.
  public struct CurvePoint: Hashable, Sendable {
    public let seconds: Double
    /// Plans measured by then.
    public let trial: Int
    /// Mean KL in nats.
    public let loss: Double
  }

  public let problem: SearchProblem
  public private(set) var progress = SearchProgress()
  /// In the order they were completed.
  public private(set) var trials: [Trial] = []
  /// After each trial within the limits: seconds, and the least loss so far.
  public private(set) var curve: [CurvePoint] = []
  private let space: SearchSpace
  private var strategy: any SearchStrategy
  private let measuring: any PlanMeasuring
  private let limits: SearchLimits
  private let journal: SearchJournal?
  /// Measured windows of each choice, from the first on.
  private var known: [[Int]: [Double]] = [:]
  /// Windows the journal knows, which the strategy has yet to ask for.
  private var recorded: [[Int]: [Double]] = [:]
  private var pending: [Candidate] = []
  private var answered: [Outcome] = []
  private var clock: ContinuousClock.Instant?
  private let priorSeconds: Double

  /// - Parameter journal: what an earlier run of this very search measured; it is continued.
  public init(
    problem: SearchProblem, space: SearchSpace, strategy: any SearchStrategy,
    measuring: any PlanMeasuring, limits: SearchLimits, journal: SearchJournal? = nil
  ) {
    self.problem = problem
    self.space = space
    self.strategy = strategy
    self.measuring = measuring
    self.limits = limits
    self.journal = journal
    priorSeconds = journal?.entries.last?.seconds ?? 0
    for entry in journal?.entries ?? [] where entry.choice.count == space.units.count {
      var losses = recorded[entry.choice] ?? []
      // Later lines may repeat windows that a crash left without an answer.
      guard entry.start <= losses.count else { continue }
      losses.replaceSubrange(
        entry.start..<min(losses.count, entry.start + entry.losses.count), with: entry.losses)
      recorded[entry.choice] = losses
    }
  }

  /// What of the trials within the limits the goal prefers; `nil` where none keeps a floor.
  public var best: Trial? { ranked.first }

  /// Trials within the limits that keep a floor, those the goal prefers first.
  public var ranked: [Trial] {
    let feasible = trials.filter(\.isFeasible)
    func sorted(_ trials: [Trial], by figure: (Trial) -> Double) -> [Trial] {
      trials.enumerated().sorted {
        (figure($0.element), $0.offset) < (figure($1.element), $1.offset)
      }.map(\.element)
    }
    switch problem.goal {
    case .leastLoss: return sorted(feasible, by: \.loss)
    case .leastCost(let floor):
      return sorted(feasible.filter { $0.loss <= floor }) {
        problem.allocation.costs(of: $0.choice)[0]
      }
    }
  }

  /// Measures the next candidates; false once the search has ended.
  ///
  /// - Throws: `CancelledError`, `AllocationError`, `SearchJournalError`, or what measuring throws.
  public func step(cancellation: CancellationFlag) throws -> Bool {
    if clock == nil { clock = .now }
    if answered.count == pending.count {
      if !pending.isEmpty { strategy.observe(answered) }
      answered = []
      pending = isSpent ? [] : try strategy.propose()
      guard !pending.isEmpty else { return false }
    }
    if isSpent { return false }
    let end = min(pending.count, answered.count + measuring.batchSize)
    let next = pending[answered.count..<end]
    try learn(Array(next), cancellation)
    answered += next.map { candidate in
      let losses = (known[candidate.choice] ?? []).prefix(windows(of: candidate))
      return Outcome(candidate: candidate, loss: losses.reduce(0, +) / Double(losses.count))
    }
    progress.seconds = seconds
    return true
  }

  /// Runs to the end.
  public func finish(
    cancellation: CancellationFlag, report: (SearchProgress) -> Void = { _ in }
  ) throws {
    while try step(cancellation: cancellation) { report(progress) }
  }

  private var seconds: Double {
    priorSeconds + (clock.map { (ContinuousClock.now - $0) / .seconds(1) } ?? 0)
  }

  private var isSpent: Bool {
    if let limit = limits.trials, progress.windows >= limit * problem.windowCount { return true }
    // What the journal answers takes no time: a continued search first comes to where it was.
    guard recorded.isEmpty, !trials.isEmpty, let limit = limits.seconds else { return false }
    return seconds >= limit
  }

  private func windows(of candidate: Candidate) -> Int {
    min(max(candidate.windows, 1), problem.windowCount)
  }

  /// Sees to it that the windows of `candidates` are known.
  private func learn(_ candidates: [Candidate], _ cancellation: CancellationFlag) throws {
    var orders: [(choice: [Int], order: MeasurementOrder)] = []
    for candidate in candidates {
      let start = known[candidate.choice]?.count ?? 0
      let missing = start..<max(start, windows(of: candidate))
      let isOrdered = orders.contains { $0.choice == candidate.choice }
      guard !missing.isEmpty, !isOrdered else { continue }
      if let found = recall(candidate.choice, missing) {
        take(found, of: candidate.choice)
      } else {
        let plan = space.plan(candidate.choice)
        orders.append((candidate.choice, MeasurementOrder(plan: plan, windows: missing)))
      }
    }
    guard !orders.isEmpty else { return }
    // From here on the journal has nothing more to say.
    recorded = [:]
    let measured = try measuring.measure(orders.map(\.order), cancellation: cancellation)
    for ((choice, order), losses) in zip(orders, measured) {
      try journal?.add(
        SearchJournal.Entry(
          choice: choice, start: order.windows.lowerBound, losses: losses, seconds: seconds))
      take(losses, of: choice)
    }
  }

  /// What the journal says of these windows.
  private func recall(_ choice: [Int], _ windows: Range<Int>) -> ArraySlice<Double>? {
    guard let found = recorded[choice], found.count >= windows.upperBound else { return nil }
    if found.count == windows.upperBound { recorded[choice] = nil }
    return found[windows]
  }

  private func take(_ losses: some Collection<Double>, of choice: [Int]) {
    progress.windows += losses.count
    known[choice, default: []] += losses
    if let all = known[choice], all.count == problem.windowCount { complete(choice, all) }
  }

  private func complete(_ choice: [Int], _ losses: [Double]) {
    let trial = Trial(
      choice: choice, losses: losses, isFeasible: problem.allocation.isFeasible(choice))
    trials.append(trial)
    progress.trials = trials.count
    guard trial.isFeasible, trial.loss < progress.bestLoss ?? .infinity else { return }
    progress.bestLoss = trial.loss
    curve.append(CurvePoint(seconds: seconds, trial: trials.count, loss: trial.loss))
  }
}
