public import ViseCompression
public import ViseEvaluation
public import ViseTensor

/// What a search is asked to do.
public struct SearchRequest: Sendable {
  public var costs: SpaceCosts
  public var goal: SearchGoal
  public var strategy: StrategyName
  public var limits: SearchLimits
  public var seed: UInt64

  public init(
    costs: SpaceCosts, goal: SearchGoal, strategy: StrategyName, limits: SearchLimits,
    seed: UInt64
  ) {
    self.costs = costs
    self.goal = goal
    self.strategy = strategy
    self.limits = limits
    self.seed = seed
  }
}

/// A search from the survey of what layers lose to the measured result, step by step.
///
/// Steps are short, so that a front end can look after other things between them, and every one leaves
/// what it found on disk: effects of layers in their store, measured plans in the journal.
public final class PlanSearch {
  /// What the next step will do.
  public enum Phase: Hashable, Sendable {
    /// Measuring what layers lose; so many of this round are left.
    case surveying(waiting: Int)
    case measuring(SearchProgress)
    case finished(SearchProgress)
  }

  public let request: SearchRequest
  public private(set) var phase: Phase
  private let setup: SearchSetup
  private let measuring: any PlanMeasuring
  private let journal: SearchJournal?
  private let probing: JournaledProbing
  private var survey: OptionSurvey
  private var run: SearchRun?
  private var clock: ContinuousClock.Instant?
  private var surveySeconds = 0.0

  /// The share of the time that the survey may take.
  private static let surveyShare = 0.6

  /// - Parameters:
  ///   - sites: those of the model.
  ///   - probing: measures what layers lose on its probe.
  ///   - measuring: measures plans on the windows they are chosen by.
  ///   - journal: keeps what is measured, and knows that of a run that was stopped.
  public init(
    _ request: SearchRequest, sites: [Site], probing: any LossProbing, windowCount: Int,
    measuring: any PlanMeasuring, journal: SearchJournal?
  ) {
    self.request = request
    self.measuring = measuring
    self.journal = journal
    self.probing = JournaledProbing(probing, journal: journal)
    setup = SearchSetup(
      sites: sites, costs: request.costs, windowCount: windowCount, goal: request.goal)
    survey = OptionSurvey(
      space: request.costs.space, sites: sites, allocation: request.costs.problem,
      goal: request.goal, probing: self.probing)
    phase = .surveying(waiting: survey.waitingCount)
  }

  /// Does the next piece of work; false once the search has ended.
  public func step(cancellation: CancellationFlag) throws -> Bool {
    if clock == nil { clock = .now }
    switch phase {
    case .finished: return false
    case .surveying: try surveyOne(cancellation)
    case .measuring: try measureNext(cancellation)
    }
    return true
  }

  /// The best plan so far with what it measured; `nil` before the first.
  public var best: (plan: Plan, trial: SearchRun.Trial)? {
    run?.best.map { (request.costs.space.plan($0.choice), $0) }
  }

  /// Plans within the limits that were measured, the best first.
  public var ranked: [Plan] {
    (run?.ranked ?? []).map { request.costs.space.plan($0.choice) }
  }

  /// Seconds are of the whole search, the survey included.
  public var progress: SearchProgress {
    var progress = run?.progress ?? SearchProgress()
    progress.seconds += run == nil ? seconds : surveySeconds
    return progress
  }

  /// Plans measured on all windows.
  public var trials: [SearchRun.Trial] { run?.trials ?? [] }

  /// After each improvement: seconds of measuring plans, and the loss.
  public var curve: [SearchRun.CurvePoint] { run?.curve ?? [] }

  /// Options whose loss was measured, and those there are.
  public var surveyedOptions: (measured: Int, total: Int) {
    (survey.losses.measuredCount, request.costs.space.units.reduce(0) { $0 + $1.options.count })
  }

  private var seconds: Double {
    probing.priorSeconds + (clock.map { (ContinuousClock.now - $0) / .seconds(1) } ?? 0)
  }

  /// Whether the survey ends before it is complete: for want of time, or where a run that was stopped
  /// ended it, so that this one proposes the same plans.
  private var isSurveyCut: Bool {
    // What the journal answers takes no time.
    guard probing.waitingCount == 0 else { return false }
    if let journal, !journal.entries.isEmpty, !journal.effects.isEmpty { return true }
    return request.limits.seconds.map { seconds >= $0 * Self.surveyShare } ?? false
  }

  private func surveyOne(_ cancellation: CancellationFlag) throws {
    probing.seconds = seconds
    if !isSurveyCut, try surveyNext(cancellation) {
      phase = .surveying(waiting: survey.waitingCount)
      return
    }
    let problem = try setup.problem(losses: survey.losses)
    surveySeconds = seconds
    var limits = request.limits
    limits.seconds = limits.seconds.map { max(0, $0 - seconds) }
    let run = SearchRun(
      problem: problem, space: request.costs.space,
      strategy: request.strategy.strategy(
        problem, seed: request.seed, batchSize: measuring.batchSize),
      measuring: measuring, limits: limits, journal: journal)
    self.run = run
    phase = .measuring(progress)
  }

  private func surveyNext(_ cancellation: CancellationFlag) throws -> Bool {
    do {
      return try survey.step(cancellation: cancellation)
    } catch let fault as AllocationError {
      throw request.costs.describe(fault)
    }
  }

  private func measureNext(_ cancellation: CancellationFlag) throws {
    guard let run else { return }
    let goesOn = try run.step(cancellation: cancellation)
    phase = goesOn ? .measuring(progress) : .finished(progress)
  }
}
