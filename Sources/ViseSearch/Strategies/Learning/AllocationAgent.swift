import ViseTensor

/// An agent that learns to allocate from episodes on predicted losses.
protocol AllocationAgent: Sendable {
  init(_ random: inout RandomSource)

  /// Learns from `count` episodes.
  mutating func learn(
    _ episode: inout AllocationEpisode, episodes count: Int, _ random: inout RandomSource)

  /// The level for a state: the best known, or one drawn where `explores`.
  func level(_ episode: AllocationEpisode, explores: Bool, _ random: inout RandomSource) -> Int
}

extension AllocationAgent {
  /// The choice of one whole episode; nothing is learned from it.
  func play(
    _ episode: inout AllocationEpisode, explores: Bool, _ random: inout RandomSource
  ) -> [Int] {
    episode.restart()
    while !episode.isOver {
      _ = episode.take(level(episode, explores: explores, &random))
    }
    return episode.choice
  }
}

/// Reinforcement learning over layers: an agent learns on the predictor, measurements correct that.
///
/// Episodes cost nothing, for the surrogate answers them. Of the plans the agent then plays the best
/// untried one is measured, the surrogate learns from it, and the agent goes on learning.
struct AgentSearch<Agent: AllocationAgent>: SearchStrategy {
  private let problem: SearchProblem
  private var surrogate: GroupSurrogate
  private var agent: Agent
  private var random: RandomSource
  private var tried: Set<[Int]> = []

  /// Episodes before the first plan, and between two.
  private static var firstEpisodes: Int { 600 }
  private static var episodes: Int { 60 }
  /// Plans played for each that is measured.
  private static var plays: Int { 24 }

  init(_ problem: SearchProblem, seed: UInt64) {
    self.problem = problem
    surrogate = GroupSurrogate(problem)
    var random = RandomSource(seed: seed)
    agent = Agent(&random)
    self.random = random
  }

  mutating func propose() throws -> [Candidate] {
    let expected = surrogate.expected()
    guard var episode = AllocationEpisode(expected) else {
      throw AllocationError.conflicting
    }
    agent.learn(
      &episode, episodes: tried.isEmpty ? Self.firstEpisodes : Self.episodes, &random)
    let repair = ChoiceRepair(expected)
    var best: (choice: [Int], loss: Double)?
    for play in 0..<Self.plays {
      var choice = agent.play(&episode, explores: play > 0, &random)
      // What an agent leaves of the budget is no decision of its own.
      repair.fill(&choice)
      guard !tried.contains(choice) else { continue }
      let loss = expected.loss(of: choice)
      if loss < best?.loss ?? .infinity { best = (choice, loss) }
    }
    return best.map { [problem.full($0.choice)] } ?? []
  }

  mutating func observe(_ outcomes: [Outcome]) {
    for outcome in outcomes {
      tried.insert(outcome.candidate.choice)
      surrogate.learn(outcome.candidate.choice, loss: outcome.loss)
    }
  }
}
