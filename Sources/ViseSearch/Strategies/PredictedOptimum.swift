/// Measures what an allocator makes of predicted losses, and stops.
public struct PredictedOptimum: SearchStrategy {
  /// How the choice is made.
  public enum Allocator: String, CaseIterable, Sendable {
    /// λ-bisection, and exact dynamic programming where one resource is limited.
    case knapsack
    case greedy
    case sensitivity
  }

  private let problem: SearchProblem
  private let allocator: Allocator
  private var isDone = false

  public init(_ problem: SearchProblem, by allocator: Allocator) {
    self.problem = problem
    self.allocator = allocator
  }

  /// - Throws: `AllocationError` where the limits cannot be met.
  public mutating func propose() throws -> [Candidate] {
    guard !isDone else { return [] }
    isDone = true
    return [problem.full(try Self.allocate(problem.allocation, by: allocator).choice)]
  }

  public mutating func observe(_ outcomes: [Outcome]) {}

  /// The allocator's answer.
  public static func allocate(
    _ problem: AllocationProblem, by allocator: Allocator = .knapsack
  ) throws(AllocationError) -> Allocation {
    switch allocator {
    case .knapsack:
      problem.limits.count == 1
        ? try ExactKnapsack().allocate(problem) : try LagrangianAllocator().allocate(problem)
    case .greedy: try GreedyAllocator().allocate(problem)
    case .sensitivity: try SensitivityBisection(problem).allocate()
    }
  }
}
