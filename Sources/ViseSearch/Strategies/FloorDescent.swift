/// The smallest plan that keeps a quality floor, by measured feedback.
///
/// The cheapest choice by expected losses is measured, what that teaches refits the losses, and so on
/// until the choice repeats. Measured losses of the result keep the floor, not predicted ones.
public struct FloorDescent: SearchStrategy {
  private let problem: SearchProblem
  private var surrogate: GroupSurrogate
  private var tried: Set<[Int]> = []
  /// What the floor is lowered by where expectations turn out too hopeful.
  private var caution = 1.0
  private let floor: Double
  private var isDone = false

  private static let leastCaution = 0.5
  /// A loss this near below the floor leaves nothing worth another measurement.
  private static let closeness = 0.99

  /// - Precondition: the problem's goal is the least cost.
  public init(_ problem: SearchProblem) {
    guard case .leastCost(let floor) = problem.goal else {
      preconditionFailure("a floor is kept")
    }
    self.problem = problem
    self.floor = floor
    surrogate = GroupSurrogate(problem)
  }

  /// - Throws: `AllocationError` where nothing loses so little.
  public mutating func propose() throws -> [Candidate] {
    while !isDone, caution >= Self.leastCaution {
      let expected = surrogate.expected()
      let choice = try FloorAllocator(floor: floor * caution).allocate(expected).choice
      if !tried.contains(choice) { return [problem.full(choice)] }
      // Known already: a little more caution gives other plans.
      caution -= 0.01
    }
    return []
  }

  public mutating func observe(_ outcomes: [Outcome]) {
    for outcome in outcomes {
      tried.insert(outcome.candidate.choice)
      surrogate.learn(outcome.candidate.choice, loss: outcome.loss)
      if outcome.loss <= floor, outcome.loss > Self.closeness * floor { isDone = true }
    }
  }
}
