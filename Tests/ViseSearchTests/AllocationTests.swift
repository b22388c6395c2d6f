import Testing
import ViseSearch
import ViseTensor

/// A random problem with rising losses and falling costs, and now and then a dominated option.
func randomProblem(units: Int, options: Int, resources: Int = 1, seed: UInt64) -> AllocationProblem
{
  var random = RandomSource(seed: seed)
  var list: [[AllocationProblem.Option]] = []
  for _ in 0..<units {
    let size = 100 + 900 * random.nextUnit()
    let sensitivity = 0.1 + random.nextUnit()
    var unit: [AllocationProblem.Option] = []
    for level in 0..<options {
      let loss = sensitivity * Double(level * level) * (0.8 + 0.4 * random.nextUnit())
      let costs = (0..<resources).map { _ -> Double in
        let spread = 0.9 + 0.2 * random.nextUnit()
        return (size * Double(options - level) * spread).rounded()
      }
      unit.append(AllocationProblem.Option(loss: loss, costs: costs))
    }
    list.append(unit)
  }
  let problem = AllocationProblem(units: list, limits: [Double](repeating: 0, count: resources))
  let most = problem.costs(of: [Int](repeating: 0, count: units))
  return problem.withLimits(
    zip(problem.leastCosts, most).map { $0 + ($1 - $0) * (0.2 + 0.5 * random.nextUnit()) })
}

/// The least loss of any feasible choice, by trying all.
private func bruteForce(_ problem: AllocationProblem) -> Double {
  var best = Double.infinity
  var choice = [Int](repeating: 0, count: problem.units.count)
  func visit(_ unit: Int) {
    guard unit < choice.count else {
      if problem.isFeasible(choice) { best = min(best, problem.loss(of: choice)) }
      return
    }
    for option in problem.units[unit].indices {
      choice[unit] = option
      visit(unit + 1)
    }
  }
  visit(0)
  return best
}

struct AllocationTests {
  @Test(arguments: 0..<40 as Range<UInt64>)
  func exactKnapsackFindsWhatTryingAllFinds(seed: UInt64) throws {
    let problem = randomProblem(units: 6, options: 4, seed: seed)
    let found = try ExactKnapsack().allocate(problem)
    #expect(problem.isFeasible(found.choice), "seed \(seed)")
    #expect(abs(problem.loss(of: found.choice) - bruteForce(problem)) < 1e-9, "seed \(seed)")
    #expect(found.gap < 1e-9, "seed \(seed)")
  }

  @Test(arguments: 0..<10 as Range<UInt64>, [1, 2])
  func multipliersAreNearTheOptimumAndNeverBelowTheirBound(seed: UInt64, resources: Int) throws {
    let problem = randomProblem(units: 6, options: 4, resources: resources, seed: seed)
    let best = bruteForce(problem)
    let found = try LagrangianAllocator().allocate(problem)
    #expect(problem.isFeasible(found.choice), "seed \(seed)")
    #expect(found.lowerBound <= best + 1e-9 && found.loss >= best - 1e-9, "seed \(seed)")
    #expect(found.loss <= 1.5 * best, "seed \(seed)")
  }

  /// The size of SmolLM2: 210 sites with 8 options each.
  @Test(arguments: 0..<5 as Range<UInt64>)
  func multipliersComeWithinOnePercentOfTheOptimumOfLargeProblems(seed: UInt64) throws {
    let problem = randomProblem(units: 210, options: 8, seed: seed)
    let exact = try ExactKnapsack().allocate(problem)
    let quick = try LagrangianAllocator().allocate(problem)
    #expect(exact.gap < 1e-9, "seed \(seed)")
    #expect(quick.loss <= exact.loss * 1.01, "seed \(seed)")
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func everyAllocatorKeepsTheLimits(seed: UInt64) throws {
    let problem = randomProblem(units: 20, options: 5, seed: seed)
    let exact = try ExactKnapsack().allocate(problem).loss
    for allocator in PredictedOptimum.Allocator.allCases {
      let found = try PredictedOptimum.allocate(problem, by: allocator)
      #expect(problem.isFeasible(found.choice), "seed \(seed), \(allocator)")
      #expect(found.loss >= exact - 1e-9, "seed \(seed), \(allocator)")
    }
  }

  @Test func anUnreachableLimitIsRefusedWithTheLeastThatCanBe() throws {
    let problem = randomProblem(units: 5, options: 3, seed: 1)
    let least = problem.leastCosts[0]
    #expect(throws: AllocationError.unreachable(resource: 0, limit: least - 1, least: least)) {
      try ExactKnapsack().allocate(problem.withLimits([least - 1]))
    }
    #expect(try ExactKnapsack().allocate(problem.withLimits([least])).choice.count == 5)
  }

  @Test func bisectionLowersAsManyUnitsAsTheFloorAllows() {
    let problem = randomProblem(units: 30, options: 4, seed: 3)
    let bisection = SensitivityBisection(problem)
    let low = bisection.choice(level: bisection.levelCount, lowered: 0)
    let floor = problem.loss(of: low) / 3
    let found = bisection.lowest(floor: floor) { problem.loss(of: $0) }
    let loss = found.map { problem.loss(of: $0) }
    #expect(loss.map { $0 <= floor && $0 > floor / 2 } == true)
    #expect(bisection.lowest(floor: -1) { problem.loss(of: $0) } == nil)
  }
}
