import ViseTensor

/// Plans drawn at random and made to fit: what every other strategy has to beat.
public struct RandomSearch: SearchStrategy {
  private let problem: SearchProblem
  private let sampler: RandomChoices
  private let batchSize: Int
  private var random: RandomSource

  public init(_ problem: SearchProblem, seed: UInt64, batchSize: Int = 1) {
    self.problem = problem
    self.batchSize = batchSize
    sampler = RandomChoices(problem.allocation)
    random = RandomSource(seed: seed)
  }

  public mutating func propose() -> [Candidate] {
    (0..<batchSize).compactMap { _ in sampler.next(&random).map(problem.full) }
  }

  public mutating func observe(_ outcomes: [Outcome]) {}
}

/// Feasible choices drawn at random, without regard to losses.
struct RandomChoices: Sendable {
  /// Without losses: what is given up to fit is random too.
  private let problem: AllocationProblem
  private static let tries = 100

  init(_ problem: AllocationProblem) {
    self.problem = problem
  }

  /// `nil` where no draw could be made to fit.
  func next(_ random: inout RandomSource) -> [Int]? {
    for _ in 0..<Self.tries {
      let blind = problem.withLosses { _, _ in random.nextUnit() }
      var choice = blind.units.map { Int.random(in: $0.indices, using: &random) }
      if ChoiceRepair(blind).meetLimits(&choice) { return choice }
    }
    return nil
  }
}
