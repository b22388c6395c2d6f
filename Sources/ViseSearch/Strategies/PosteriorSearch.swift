import ViseTensor

/// Bandits over plans: the surrogate's uncertainty decides what is measured next.
///
/// Thompson sampling takes the optimum under one draw of the factors; the confidence bound takes, of
/// several draws' optima, the one whose loss less two deviations is smallest (Wen, Kveton and Ashkan,
/// "Efficient Learning in Large-Scale Combinatorial Semi-Bandits", 2015: CombLinTS and CombLinUCB).
public struct PosteriorSearch: SearchStrategy {
  public enum Rule: String, CaseIterable, Sendable {
    case thompson
    case confidenceBound = "ucb"
  }

  private let problem: SearchProblem
  private let rule: Rule
  private let batchSize: Int
  private var surrogate: GroupSurrogate
  private var random: RandomSource
  private var tried: Set<[Int]> = []

  private static let draws = 16
  private static let confidence = 2.0

  /// - Parameter batchSize: candidates proposed at once, each by draws of its own.
  public init(_ problem: SearchProblem, rule: Rule, seed: UInt64, batchSize: Int = 1) {
    self.problem = problem
    self.batchSize = batchSize
    self.rule = rule
    surrogate = GroupSurrogate(problem)
    random = RandomSource(seed: seed)
  }

  /// - Throws: `AllocationError` where the limits cannot be met.
  public mutating func propose() throws -> [Candidate] {
    // The first measurement tells how far off predictions are altogether.
    var batch =
      tried.isEmpty ? [try PredictedOptimum.allocate(problem.allocation).choice] : []
    while batch.count < batchSize, let next = try next(except: batch) { batch.append(next) }
    return batch.map(problem.full)
  }

  private mutating func next(except batch: [[Int]]) throws -> [Int]? {
    var best: (choice: [Int], bound: Double)?
    for draw in 0..<4 * Self.draws {
      // Wider draws where near ones bring nothing new.
      let scale = 1 + Double(draw / Self.draws)
      let problem = surrogate.sampled(&random, scale: scale)
      let choice = try PredictedOptimum.allocate(problem).choice
      guard !tried.contains(choice), !batch.contains(choice) else { continue }
      if rule == .thompson { return choice }
      let bound =
        surrogate.loss(of: choice) - Self.confidence * surrogate.deviation(of: choice)
      if bound < best?.bound ?? .infinity { best = (choice, bound) }
      if draw >= Self.draws, best != nil { break }
    }
    return best?.choice
  }

  public mutating func observe(_ outcomes: [Outcome]) {
    for outcome in outcomes {
      tried.insert(outcome.candidate.choice)
      surrogate.learn(outcome.candidate.choice, loss: outcome.loss)
    }
  }
}
