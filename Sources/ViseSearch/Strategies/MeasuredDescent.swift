import ViseTensor

/// Local search with measured feedback: each measurement refits what options are expected to lose.
///
/// It starts from the optimum of the predictions. While the optimum of the refitted losses is new it
/// is measured next; then small exchanges around the best plan are, the most promising first by a
/// draw from the surrogate's uncertainty. A plan is the best by measurements on the same windows.
public struct MeasuredDescent: SearchStrategy {
  private let problem: SearchProblem
  private let neighbours: ChoiceNeighbours
  private let batchSize: Int
  private var surrogate: GroupSurrogate
  private var random: RandomSource
  private var tried: Set<[Int]> = []
  private var best: (choice: [Int], loss: Double)?

  /// Exchanges drawn for each measured one.
  private static let draws = 64
  private static let tries = 20

  /// - Parameter batchSize: candidates proposed at once, each by a draw of its own.
  public init(_ problem: SearchProblem, seed: UInt64, batchSize: Int = 1) {
    self.problem = problem
    self.batchSize = batchSize
    neighbours = ChoiceNeighbours(problem.allocation)
    surrogate = GroupSurrogate(problem)
    random = RandomSource(seed: seed)
  }

  /// - Throws: `AllocationError` where the limits cannot be met.
  public mutating func propose() throws -> [Candidate] {
    let optimum = try PredictedOptimum.allocate(surrogate.expected()).choice
    var batch = tried.contains(optimum) ? [] : [optimum]
    while batch.count < batchSize,
      let next = exchange(around: best?.choice ?? optimum, except: batch)
    {
      batch.append(next)
    }
    return batch.map(problem.full)
  }

  public mutating func observe(_ outcomes: [Outcome]) {
    for outcome in outcomes {
      tried.insert(outcome.candidate.choice)
      surrogate.learn(outcome.candidate.choice, loss: outcome.loss)
      if outcome.loss < best?.loss ?? .infinity {
        best = (outcome.candidate.choice, outcome.loss)
      }
    }
  }

  /// The untried neighbour of least loss under one draw of the surrogate.
  private mutating func exchange(around choice: [Int], except batch: [[Int]]) -> [Int]? {
    let drawn = surrogate.sampled(&random)
    for changes in 0..<Self.tries {
      var found: (choice: [Int], loss: Double)?
      for _ in 0..<Self.draws {
        guard
          let next = neighbours.next(of: choice, changes: 1 + changes / 5, losses: drawn, &random),
          !tried.contains(next), !batch.contains(next)
        else { continue }
        let loss = drawn.loss(of: next)
        if loss < found?.loss ?? .infinity { found = (next, loss) }
      }
      if let found { return found.choice }
    }
    return nil
  }
}
