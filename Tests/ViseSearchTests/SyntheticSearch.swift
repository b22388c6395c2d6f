import Synchronization
import ViseCompression
import ViseSearch
import ViseTensor

/// A search whose losses are a formula, so that thousands of plans are measured in no time.
///
/// What plans really lose differs from the sum of what units are predicted to: a factor for each
/// group, an error for each option, and a term for neighbouring units that are both coarse.
struct SyntheticSearch {
  let space: SearchSpace
  let problem: SearchProblem
  let measuring: SyntheticMeasuring

  init(units: Int = 40, options: Int = 5, windows: Int = 8, seed: UInt64) {
    var random = RandomSource(seed: seed)
    let formats: [NumberFormat] = [
      .ggml(.q8_0), .ggml(.q6_K), .ggml(.q5_K), .ggml(.q4_K), .ggml(.q3_K), .ggml(.q2_K),
    ]
    space = SearchSpace(
      base: Plan(),
      units: (0..<units).map { index in
        SearchUnit(
          sites: [index],
          options: formats.prefix(options).map {
            SearchOption(treatments: [Treatment(format: $0)])
          })
      }, siteNames: (0..<units).map { "unit \($0)" })
    let sizes = (0..<units).map { _ in 50 + 200 * random.nextUnit() }
    let sensitivities = (0..<units).map { _ in 0.002 + 0.02 * random.nextUnit() }
    let allocation = AllocationProblem(
      units: (0..<units).map { unit in
        (0..<options).map { level in
          AllocationProblem.Option(
            loss: sensitivities[unit] * Double((1 << (2 * level)) - 1) / 16,
            costs: [(sizes[unit] * (8.5 - 1.4 * Double(level))).rounded()])
        }
      }, limits: [0])
    let most = allocation.costs(of: [Int](repeating: 0, count: units))[0]
    let least = allocation.leastCosts[0]
    problem = SearchProblem(
      allocation: allocation.withLimits([least + 0.4 * (most - least)]),
      groups: (0..<units).map { $0 % 5 }, blocks: (0..<units).map { $0 / 5 },
      windowCount: windows)
    measuring = SyntheticMeasuring(
      space: space, problem: problem, factors: (0..<5).map { _ in 0.5 + 1.5 * random.nextUnit() },
      errors: (0..<units).map { _ in (0..<options).map { _ in 0.7 + 0.6 * random.nextUnit() } },
      windows: (0..<windows).map { _ in 0.8 + 0.4 * random.nextUnit() })
  }

  func run(
    _ strategy: any SearchStrategy, limits: SearchLimits, journal: SearchJournal? = nil
  ) -> SearchRun {
    SearchRun(
      problem: problem, space: space, strategy: strategy, measuring: measuring, limits: limits,
      journal: journal)
  }
}

final class SyntheticMeasuring: PlanMeasuring {
  let batchSize = 1
  private let space: SearchSpace
  private let problem: SearchProblem
  private let factors: [Double]
  private let errors: [[Double]]
  private let windows: [Double]
  /// Windows measured so far, and after how many measuring is interrupted.
  let count = Mutex(0)
  let interruption = Mutex<Int?>(nil)

  init(
    space: SearchSpace, problem: SearchProblem, factors: [Double], errors: [[Double]],
    windows: [Double]
  ) {
    self.space = space
    self.problem = problem
    self.factors = factors
    self.errors = errors
    self.windows = windows
  }

  func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]] {
    try orders.map { order in
      let total = count.withLock { count in
        count += order.windows.count
        return count
      }
      if let limit = interruption.withLock({ $0 }), total > limit { throw CancelledError() }
      guard let choice = space.choice(of: order.plan) else {
        preconditionFailure("plans come from the space")
      }
      let loss = loss(of: choice)
      return order.windows.map { loss * windows[$0] }
    }
  }

  private func loss(of choice: [Int]) -> Double {
    var sum = 0.0
    var before = 0.0
    for (unit, option) in choice.enumerated() {
      let loss = problem.allocation.units[unit][option].loss
      sum += factors[problem.groups[unit]] * errors[unit][option] * loss
      sum += 0.3 * (before * loss).squareRoot()
      before = loss
    }
    return sum
  }
}
