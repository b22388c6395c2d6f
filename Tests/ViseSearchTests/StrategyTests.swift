import Testing
import ViseSearch
import ViseTensor

private let iterative: [StrategyName] = StrategyName.withinLimits.filter { $0 != .random }

struct StrategyTests {
  /// At an equal number of measurements, on five problems: with each seed of its own.
  @Test(arguments: iterative)
  func everyStrategyBeatsRandomSearch(name: StrategyName) throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let search = SyntheticSearch(seed: seed)
      let limits = SearchLimits(trials: 30)
      let own = search.run(name.strategy(search.problem, seed: seed), limits: limits)
      let random = search.run(
        StrategyName.random.strategy(search.problem, seed: seed), limits: limits)
      try own.finish(cancellation: CancellationFlag())
      try random.finish(cancellation: CancellationFlag())
      let (found, baseline) = (own.best?.loss, random.best?.loss)
      #expect(
        (found ?? .infinity) < (baseline ?? 0), "\(name), seed \(seed)")
      #expect(own.trials.filter(\.isFeasible).count > 0, "\(name), seed \(seed)")
    }
  }

  /// Feedback must be worth what it costs: the plan the predictions call best is where these start.
  @Test(arguments: [StrategyName.descent, .evolution, .windows, .thompson, .ucb])
  func feedbackImprovesOnThePredictedOptimum(name: StrategyName) throws {
    var gains = 0
    for seed in 1...5 as ClosedRange<UInt64> {
      let search = SyntheticSearch(seed: seed)
      let run = search.run(
        name.strategy(search.problem, seed: seed), limits: SearchLimits(trials: 60))
      try run.finish(cancellation: CancellationFlag())
      let first = try #require(run.trials.first?.loss)
      let best = try #require(run.best?.loss)
      #expect(best <= first, "\(name), seed \(seed)")
      if best < 0.98 * first { gains += 1 }
    }
    #expect(gains >= 3, "\(name): better by 2 % with \(gains) seeds of 5")
  }

  @Test(arguments: iterative, [1, 7] as [UInt64])
  func theSameSeedGivesTheSameTrials(name: StrategyName, seed: UInt64) throws {
    let runs = try (0..<2).map { _ in
      let search = SyntheticSearch(seed: 3)
      let run = search.run(
        name.strategy(search.problem, seed: seed), limits: SearchLimits(trials: 20))
      try run.finish(cancellation: CancellationFlag())
      return run.trials
    }
    #expect(runs[0] == runs[1], "\(name), seed \(seed)")
  }

  @Test func aFloorIsKeptByMeasurementWithLittleToSpare() throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let search = SyntheticSearch(seed: seed)
      let floor = 0.4
      let problem = SearchProblem(
        allocation: search.problem.allocation.withLimits([.infinity]),
        groups: search.problem.groups, blocks: search.problem.blocks,
        windowCount: search.problem.windowCount, goal: .leastCost(floor: floor))
      let run = SearchRun(
        problem: problem, space: search.space, strategy: FloorDescent(problem),
        measuring: search.measuring, limits: SearchLimits(trials: 60))
      try run.finish(cancellation: CancellationFlag())
      let best = try #require(run.best, "seed \(seed)")
      #expect(best.loss <= floor && best.loss > 0.9 * floor, "seed \(seed)")
    }
  }
}
