import Glibc
import ViseTensor

/// Selection by gradients: each unit has a softmax over its options, which is sharpened as it learns.
///
/// The expected loss is multiplied by (cost / limit)^1.5 for each resource over its limit (HALOC,
/// arXiv:2301.09422, and COMCAT select ranks so), Gumbel noise makes later starts differ. What the
/// softmax prefers at the end is made to fit, measured, and refits the losses.
public struct DifferentiableSelection: SearchStrategy {
  private let problem: SearchProblem
  private let batchSize: Int
  private var surrogate: GroupSurrogate
  private var random: RandomSource
  private var tried: Set<[Int]> = []

  private static let steps = 300
  private static let rate = 0.05
  private static let exponent = 1.5
  /// Temperatures at the start and at the end.
  private static let temperatures = (first: 1.0, last: 0.05)
  private static let tries = 12

  /// - Parameter batchSize: candidates proposed at once, each from a start of its own.
  public init(_ problem: SearchProblem, seed: UInt64, batchSize: Int = 1) {
    self.problem = problem
    self.batchSize = batchSize
    surrogate = GroupSurrogate(problem)
    random = RandomSource(seed: seed)
  }

  /// - Throws: `AllocationError` where the limits cannot be met.
  public mutating func propose() throws -> [Candidate] {
    let expected = surrogate.expected()
    try expected.checkReachable()
    var batch: [[Int]] = []
    while batch.count < batchSize, let next = next(expected, except: batch) { batch.append(next) }
    return batch.map(problem.full)
  }

  private mutating func next(_ expected: AllocationProblem, except batch: [[Int]]) -> [Int]? {
    let repair = ChoiceRepair(expected)
    for attempt in 0..<Self.tries {
      let isFirst = tried.isEmpty && batch.isEmpty && attempt == 0
      var choice = descend(expected, noise: isFirst ? 0 : 0.3 + 0.2 * Double(attempt))
      guard repair.meetLimits(&choice) else { continue }
      repair.fill(&choice)
      if !tried.contains(choice), !batch.contains(choice) { return choice }
    }
    return nil
  }

  public mutating func observe(_ outcomes: [Outcome]) {
    for outcome in outcomes {
      tried.insert(outcome.candidate.choice)
      surrogate.learn(outcome.candidate.choice, loss: outcome.loss)
    }
  }

  /// The option each unit prefers after descending the penalized expected loss.
  private mutating func descend(_ problem: AllocationProblem, noise: Double) -> [Int] {
    var logits = problem.units.map { options in
      options.map { _ in noise * -log(-log(max(random.nextUnit(), 1e-12)) + 1e-12) }
    }
    for step in 0..<Self.steps {
      let share = Double(step) / Double(Self.steps)
      let temperature =
        Self.temperatures.first * pow(Self.temperatures.last / Self.temperatures.first, share)
      let shares = logits.map { Self.softmax($0, temperature) }
      let slopes = Self.slopes(problem, shares)
      for unit in logits.indices {
        let mean = zip(shares[unit], slopes[unit]).reduce(0) { $0 + $1.0 * $1.1 }
        // Scaled by the unit's own spread: small units would never move otherwise.
        let spread = max(
          (slopes[unit].max() ?? 0) - (slopes[unit].min() ?? 0), .leastNormalMagnitude)
        for option in logits[unit].indices {
          logits[unit][option] -= Self.rate * (slopes[unit][option] - mean) / spread
        }
      }
    }
    return logits.map { row in row.indices.max { row[$0] < row[$1] } ?? 0 }
  }

  private static func softmax(_ logits: [Double], _ temperature: Double) -> [Double] {
    let top = logits.max() ?? 0
    let raised = logits.map { exp(($0 - top) / temperature) }
    let sum = raised.reduce(0, +)
    return raised.map { $0 / sum }
  }

  /// Derivatives of loss · Π max(1, cost / limit)^1.5 by each option's share.
  private static func slopes(_ problem: AllocationProblem, _ shares: [[Double]]) -> [[Double]] {
    var loss = 0.0
    var costs = problem.limits.map { _ in 0.0 }
    for (options, row) in zip(problem.units, shares) {
      for (option, share) in zip(options, row) {
        loss += share * option.loss
        for resource in costs.indices { costs[resource] += share * option.costs[resource] }
      }
    }
    // Costs are relative to a base and may be negative: excess counts in units of the spread.
    var penalty = 1.0
    var prices = costs.map { _ in 0.0 }
    for resource in costs.indices {
      let range = problem.spread(of: resource)
      let over = 1 + (costs[resource] - problem.limits[resource]) / max(range, 1e-12)
      guard over > 1 else { continue }
      penalty *= pow(over, exponent)
      prices[resource] = exponent / over / max(range, 1e-12)
    }
    return problem.units.map { options in
      options.map { option in
        var price = 0.0
        for resource in prices.indices { price += prices[resource] * option.costs[resource] }
        return penalty * (option.loss + loss * price)
      }
    }
  }
}

extension AllocationProblem {
  /// From the least to the most that choices use of a resource.
  func spread(of resource: Int) -> Double {
    units.reduce(0) { total, options in
      let costs = options.map { $0.costs[resource] }
      return total + (costs.max() ?? 0) - (costs.min() ?? 0)
    }
  }
}
