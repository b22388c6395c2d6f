/// The strategies there are, as commands and screens name them.
public enum StrategyName: String, CaseIterable, Hashable, Sendable {
  case knapsack, greedy, sensitivity
  case descent, evolution, windows, thompson, ucb, differentiable
  /// Reinforcement learning over layers: a linear critic by centred TD, deep Q-learning, actor-critic.
  case ctd, dqn
  case actorCritic = "actor-critic"
  case random
  /// The smallest plan that keeps a quality floor; the only one that can do that.
  case floor

  /// Those that look for the least loss within limits.
  public static let withinLimits = allCases.filter { $0 != .floor }

  /// What is used where nothing else is asked for.
  ///
  /// Best KL after 20 measurements (story-lm at 3.3 bits, three seeds, 4 windows), over random search:
  /// descent 0.233, thompson 0.237, ucb 0.242, evolution 0.248, windows 0.255, greedy 0.260,
  /// knapsack 0.261, sensitivity 0.445.
  public static let standard = StrategyName.descent

  /// - Parameter batchSize: candidates that can be measured at once. Those that learn from each
  ///   measurement alone propose one at a time all the same.
  public func strategy(
    _ problem: SearchProblem, seed: UInt64, batchSize: Int = 1
  ) -> any SearchStrategy {
    switch self {
    case .knapsack: PredictedOptimum(problem, by: .knapsack)
    case .greedy: PredictedOptimum(problem, by: .greedy)
    case .sensitivity: PredictedOptimum(problem, by: .sensitivity)
    case .descent: MeasuredDescent(problem, seed: seed, batchSize: batchSize)
    case .evolution: EvolutionarySearch(problem, seed: seed)
    case .windows: WindowCombination(problem, seed: seed)
    case .thompson:
      PosteriorSearch(problem, rule: .thompson, seed: seed, batchSize: batchSize)
    case .ucb:
      PosteriorSearch(problem, rule: .confidenceBound, seed: seed, batchSize: batchSize)
    case .differentiable: DifferentiableSelection(problem, seed: seed)
    case .ctd: AgentSearch<CentredTD>(problem, seed: seed)
    case .dqn: AgentSearch<DeepQ>(problem, seed: seed)
    case .actorCritic: AgentSearch<ActorCritic>(problem, seed: seed)
    case .random: RandomSearch(problem, seed: seed, batchSize: batchSize)
    case .floor: FloorDescent(problem)
    }
  }
}
