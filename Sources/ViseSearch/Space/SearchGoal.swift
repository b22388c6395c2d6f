/// What a search looks for.
public enum SearchGoal: Hashable, Sendable {
  /// The least loss within the limits.
  case leastLoss
  /// The least use of the first resource at a mean KL of at most `floor` nats.
  case leastCost(floor: Double)

  /// The best choice by the losses of `problem`.
  public func optimum(of problem: AllocationProblem) throws(AllocationError) -> [Int] {
    switch self {
    case .leastLoss: try PredictedOptimum.allocate(problem).choice
    case .leastCost(let floor): try FloorAllocator(floor: floor).allocate(problem).choice
    }
  }

  /// Prices of the resources at which the best choice is about what each unit would take by itself.
  func multipliers(for problem: AllocationProblem) -> [Double] {
    switch self {
    case .leastLoss: LagrangianAllocator().multipliers(for: problem)
    case .leastCost(let floor): FloorAllocator(floor: floor).multipliers(for: problem)
    }
  }
}
