/// The cheapest choice whose losses add up to at most a floor.
///
/// The price of the first resource is raised by bisection for as long as the floor holds; single steps
/// then use what is left of it. Other limits are kept by `ChoiceRepair`, or refused.
public struct FloorAllocator: Sendable {
  public let floor: Double
  private static let bisections = 60

  public init(floor: Double) {
    precondition(floor >= 0)
    self.floor = floor
  }

  /// - Throws: `AllocationError.conflicting` where no choice loses so little within the limits.
  public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
    try problem.checkReachable()
    var choice = LagrangianAllocator.choice(problem, multipliers(for: problem))
    guard problem.loss(of: choice) <= floor, problem.isFeasible(choice) else {
      throw .conflicting
    }
    save(&choice, problem)
    return Allocation(choice: choice, loss: problem.loss(of: choice), lowerBound: 0)
  }

  /// The highest price of the first resource at which the floor holds; others are free.
  func multipliers(for problem: AllocationProblem) -> [Double] {
    var prices = problem.limits.map { _ in 0.0 }
    func holds(_ price: Double) -> Bool {
      prices[0] = price
      return problem.loss(of: LagrangianAllocator.choice(problem, prices)) <= floor
    }
    let losses = problem.units.joined().map(\.loss)
    let costs = problem.units.joined().map { abs($0.costs[0]) }
    var high = max(losses.max() ?? 1, 1e-12) / max(costs.filter { $0 > 0 }.min() ?? 1, 1e-12)
    var low = high * 0x1p-120
    guard holds(low) else { return problem.limits.map { _ in 0 } }
    if holds(high) { return prices }
    for _ in 0..<Self.bisections {
      let middle = (low * high).squareRoot()
      if holds(middle) { low = middle } else { high = middle }
    }
    prices[0] = low
    return prices
  }

  /// Takes the single changes that save most and still keep the floor.
  private func save(_ choice: inout [Int], _ problem: AllocationProblem) {
    while true {
      let left = floor - problem.loss(of: choice)
      var best: (unit: Int, option: Int, saved: Double)?
      for (unit, options) in problem.units.enumerated() {
        let current = options[choice[unit]]
        for (index, option) in options.enumerated() {
          let saved = current.costs[0] - option.costs[0]
          guard saved > best?.saved ?? 0, option.loss - current.loss <= left,
            zip(option.costs, current.costs).allSatisfy({ $0 <= $1 })
          else { continue }
          best = (unit, index, saved)
        }
      }
      guard let best else { return }
      choice[best.unit] = best.option
    }
  }
}
