public import ViseTensor

/// Compares strategies at an equal number of measurements, several seeds each.
public struct StrategyStudy {
  /// What one strategy came to.
  public struct Row: Hashable, Sendable {
    public let strategy: StrategyName
    /// The least mean KL found with each seed, in nats.
    public let losses: [Double]
    /// Seeds with which the result beats that of random search with the same seed.
    public let winsOverRandom: Int
  }

  /// Time of one allocation of the predicted losses, and how far it is from the optimum.
  public struct Fit: Hashable, Sendable {
    /// Median over runs.
    public let seconds: Double
    /// Loss of λ-bisection over that of the exact optimum, less 1.
    public let gap: Double
    public let exactSeconds: Double
  }

  private let problem: SearchProblem
  private let space: SearchSpace
  private let measuring: RememberedMeasuring
  private let trials: Int
  private let seeds: ClosedRange<UInt64>

  public init(
    problem: SearchProblem, space: SearchSpace, measuring: any PlanMeasuring, trials: Int,
    seeds: ClosedRange<UInt64>
  ) {
    self.problem = problem
    self.space = space
    self.measuring = RememberedMeasuring(measuring)
    self.trials = trials
    self.seeds = seeds
  }

  /// The table, random search first.
  ///
  /// `report` gets each strategy before it is run with a seed.
  public func run(
    _ strategies: [StrategyName], cancellation: CancellationFlag,
    report: (StrategyName, UInt64) -> Void
  ) throws -> [Row] {
    var random: [Double] = []
    var rows: [Row] = []
    for strategy in [.random] + strategies.filter({ $0 != .random }) {
      var losses: [Double] = []
      for seed in seeds {
        report(strategy, seed)
        let run = SearchRun(
          problem: problem, space: space, strategy: strategy.strategy(problem, seed: seed),
          measuring: measuring, limits: SearchLimits(trials: trials))
        try run.finish(cancellation: cancellation)
        losses.append(run.best?.loss ?? .infinity)
      }
      if strategy == .random { random = losses }
      rows.append(
        Row(
          strategy: strategy, losses: losses,
          winsOverRandom: zip(losses, random).count { $0 < $1 }))
    }
    return rows
  }

  /// Times allocations, the slow exact one among them.
  public func fit(runs: Int = 9) throws -> Fit {
    func time(_ body: () throws -> Allocation) rethrows -> (seconds: Double, loss: Double) {
      var seconds: [Double] = []
      var loss = 0.0
      for _ in 0..<runs {
        let start = ContinuousClock.now
        loss = try body().loss
        seconds.append((ContinuousClock.now - start) / .seconds(1))
      }
      return (seconds.sorted()[runs / 2], loss)
    }
    let quick = try time { try LagrangianAllocator().allocate(problem.allocation) }
    let exact = try time { try ExactKnapsack().allocate(problem.allocation) }
    return Fit(
      seconds: quick.seconds, gap: quick.loss / max(exact.loss, .leastNormalMagnitude) - 1,
      exactSeconds: exact.seconds)
  }
}
