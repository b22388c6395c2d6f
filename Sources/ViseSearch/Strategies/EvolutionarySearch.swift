import ViseTensor

/// Evolution with level-switch mutation and successive halving of what candidates are measured on.
///
/// Each generation's offspring are measured on few windows, the better part on more, and the last
/// ones with their parent on all (EvoPress, arXiv:2410.14649, algorithm 1, with one parent). The first
/// parent is the optimum of the predictions.
public struct EvolutionarySearch: SearchStrategy {
  private enum Stage {
    case start
    case offspring
    /// Survivors measured on the fraction of windows of this rung.
    case rung(Int)
  }

  private let problem: SearchProblem
  private let neighbours: ChoiceNeighbours
  private var random: RandomSource
  private var parent: (choice: [Int], loss: Double)?
  private var stage = Stage.start
  private var survivors: [[Int]] = []
  private var seen: Set<[Int]> = []

  private static let offspringCount = 16
  /// Shares of the windows, and how many are measured on them.
  private static let rungs: [(share: Double, count: Int)] = [(0.125, 16), (0.5, 4), (1, 1)]
  private static let tries = 400

  public init(_ problem: SearchProblem, seed: UInt64) {
    self.problem = problem
    neighbours = ChoiceNeighbours(problem.allocation)
    random = RandomSource(seed: seed)
  }

  /// - Throws: `AllocationError` where the limits cannot be met.
  public mutating func propose() throws -> [Candidate] {
    switch stage {
    case .start:
      return [problem.full(try PredictedOptimum.allocate(problem.allocation).choice)]
    case .offspring:
      guard let parent else { return [] }
      survivors = offspring(of: parent.choice)
      stage = .rung(0)
      return candidates(rung: 0)
    case .rung(let rung):
      return candidates(rung: rung)
    }
  }

  public mutating func observe(_ outcomes: [Outcome]) {
    switch stage {
    case .start:
      parent = outcomes.first.map { ($0.candidate.choice, $0.loss) }
      stage = .offspring
    case .offspring: break
    case .rung(let rung): promote(outcomes, from: rung)
    }
  }

  private func candidates(rung: Int) -> [Candidate] {
    let windows = max(1, Int(Double(problem.windowCount) * Self.rungs[rung].share))
    return survivors.map { Candidate(choice: $0, windows: windows) }
  }

  private mutating func promote(_ outcomes: [Outcome], from rung: Int) {
    let sorted = outcomes.sorted { $0.loss < $1.loss }
    guard rung + 1 < Self.rungs.count else {
      if let first = sorted.first, first.loss < parent?.loss ?? .infinity {
        parent = (first.candidate.choice, first.loss)
      }
      stage = .offspring
      return
    }
    survivors = sorted.prefix(Self.rungs[rung + 1].count).map(\.candidate.choice)
    stage = .rung(rung + 1)
  }

  private mutating func offspring(of choice: [Int]) -> [[Int]] {
    var found: [[Int]] = []
    for _ in 0..<Self.tries where found.count < Self.offspringCount {
      // One change half of the time, two a quarter of it, and so on.
      var changes = 1
      while changes < 8, random.nextUnit() < 0.5 { changes += 1 }
      // What is given up is random: predictions only start this search.
      let blind = problem.allocation.withLosses { unit, option in
        problem.allocation.units[unit][option].loss * (0.5 + random.nextUnit())
      }
      guard let next = neighbours.next(of: choice, changes: changes, losses: blind, &random),
        seen.insert(next).inserted
      else { continue }
      found.append(next)
    }
    return found
  }
}
