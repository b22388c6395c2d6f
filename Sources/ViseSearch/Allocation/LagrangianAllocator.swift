import Glibc

/// Allocation by multipliers: each unit takes the option of least loss + Σ λ·cost.
///
/// For one resource λ is found by bisection (reverse water-filling); for several, each in turn, until
/// none moves. What the limits leave is used by single changes and exchanges, so the result is near
/// the optimum; how near, the dual tells (Everett, "Generalized Lagrange multiplier method", 1963).
public struct LagrangianAllocator: Sendable {
  private static let bisections = 50
  private static let rounds = 12

  public init() {}

  /// - Throws: `AllocationError` where the limits cannot be met.
  public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
    try problem.checkReachable()
    let multipliers = multipliers(for: problem)
    var choice = Self.choice(problem, multipliers)
    let repair = ChoiceRepair(problem)
    guard repair.meetLimits(&choice) else { throw .conflicting }
    repair.improve(&choice)
    return Allocation(
      choice: choice, loss: problem.loss(of: choice),
      lowerBound: Self.dual(problem, multipliers))
  }

  /// Multipliers, one a resource, at which the limits are just met.
  func multipliers(for problem: AllocationProblem) -> [Double] {
    var multipliers = [Double](repeating: 0, count: problem.limits.count)
    for _ in 0..<(problem.limits.count > 1 ? Self.rounds : 1) {
      let before = multipliers
      for resource in problem.limits.indices { bisect(problem, resource, &multipliers) }
      if zip(before, multipliers).allSatisfy({ abs($0 - $1) <= 1e-6 * max($0, $1) }) { break }
    }
    return multipliers
  }

  /// The least multiplier of `resource` at which its limit is met, the others standing.
  private func bisect(
    _ problem: AllocationProblem, _ resource: Int, _ multipliers: inout [Double]
  ) {
    func meets(_ multiplier: Double) -> Bool {
      multipliers[resource] = multiplier
      let choice = Self.choice(problem, multipliers)
      return problem.costs(of: choice)[resource] <= problem.limits[resource]
    }
    if meets(0) { return }
    let losses = problem.units.joined().map(\.loss)
    let scale = max(losses.max() ?? 1, 1e-12) / max(problem.limits[resource], 1e-12)
    var high = scale
    for _ in 0..<200 {
      if meets(high) { break }
      high *= 4
    }
    var low = high
    for _ in 0..<400 {
      low /= 4
      if !meets(low) || low < 1e-300 { break }
    }
    for _ in 0..<Self.bisections {
      let middle = (low * high).squareRoot()
      if meets(middle) { high = middle } else { low = middle }
    }
    multipliers[resource] = high
  }

  /// The option of each unit that is best at these prices; of equals the one that costs least.
  static func choice(_ problem: AllocationProblem, _ multipliers: [Double]) -> [Int] {
    problem.units.map { options in
      var best = (index: 0, value: Double.infinity)
      for (index, option) in options.enumerated() {
        let value = option.price(multipliers)
        if value < best.value { best = (index, value) }
      }
      return best.index
    }
  }

  /// A lower bound of the loss of every feasible choice: min loss + Σ λ·(cost − limit).
  static func dual(_ problem: AllocationProblem, _ multipliers: [Double]) -> Double {
    let prices = problem.units.reduce(0) { total, options in
      total + (options.map { $0.price(multipliers) }.min() ?? 0)
    }
    return zip(multipliers, problem.limits).reduce(prices) { $0 - $1.0 * $1.1 }
  }
}

extension AllocationProblem.Option {
  /// Loss with what the option uses of resources at these prices.
  func price(_ multipliers: [Double]) -> Double {
    var price = loss
    for (multiplier, cost) in zip(multipliers, costs) { price += multiplier * cost }
    return price
  }
}
