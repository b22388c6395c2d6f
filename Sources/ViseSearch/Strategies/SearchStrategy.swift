/// A choice to measure, and on how many windows of the text.
public struct Candidate: Hashable, Sendable {
  /// An option for each unit.
  public let choice: [Int]
  /// The first so many windows.
  public let windows: Int

  public init(choice: [Int], windows: Int) {
    self.choice = choice
    self.windows = windows
  }
}

/// What measuring a candidate gave.
public struct Outcome: Hashable, Sendable {
  public let candidate: Candidate
  /// Mean KL(reference‖plan) on the candidate's windows, in nats.
  public let loss: Double

  public init(candidate: Candidate, loss: Double) {
    self.candidate = candidate
    self.loss = loss
  }
}

/// What every strategy is given: the choices, what they cost, and what they are predicted to lose.
public struct SearchProblem: Sendable {
  /// Losses are predicted: the divergence with only that unit treated.
  public let allocation: AllocationProblem
  /// Predicted loss of what is treated besides the units.
  public let baseLoss: Double
  /// A group for each unit whose predictions are likely to err alike, from 0.
  public let groups: [Int]
  /// The transformer block of each unit; `nil` outside the blocks.
  public let blocks: [Int?]
  /// Windows of a full measurement.
  public let windowCount: Int
  public let goal: SearchGoal

  public init(
    allocation: AllocationProblem, baseLoss: Double = 0, groups: [Int], blocks: [Int?],
    windowCount: Int, goal: SearchGoal = .leastLoss
  ) {
    precondition(groups.count == allocation.units.count && blocks.count == groups.count)
    precondition(windowCount > 0)
    self.allocation = allocation
    self.baseLoss = baseLoss
    self.groups = groups
    self.blocks = blocks
    self.windowCount = windowCount
    self.goal = goal
  }

  /// A candidate measured in full.
  func full(_ choice: [Int]) -> Candidate { Candidate(choice: choice, windows: windowCount) }
}

/// Proposes plans and learns from how they measured.
///
/// A strategy is a value that only its problem, its seed and the outcomes it was told decide. So a
/// search is repeated, or continued after an interruption, by telling a new one the same outcomes.
public protocol SearchStrategy: Sendable {
  /// The next candidates, which may be measured in any order or at once; empty ends the search.
  ///
  /// They may break the limits, where what they tell is about others; such plans are never the result.
  mutating func propose() throws -> [Candidate]

  /// Takes the outcomes of all candidates proposed last, in their order.
  mutating func observe(_ outcomes: [Outcome])
}
