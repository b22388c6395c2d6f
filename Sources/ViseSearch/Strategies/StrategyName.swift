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
  /// Best KL after 30 measurements (story-lm at 3.3 bits, five seeds, 4 windows), over random search:
  /// differentiable 0.255, ucb 0.260, descent 0.261, thompson 0.262, actor-critic 0.264,
  /// evolution 0.278, windows 0.280, greedy 0.292, knapsack 0.293, ctd 0.297, dqn 0.332,
  /// sensitivity 0.499. The 90 % intervals of the first five overlap.
  public static let standard = StrategyName.differentiable

  /// What is used for a graph.
  ///
  /// Its layers have few options: strategies that draw whole plans soon draw none that is new, and
  /// those next to the best remain.
  public static let graphStandard = StrategyName.descent

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
    case .differentiable:
      DifferentiableSelection(problem, seed: seed, batchSize: batchSize)
    case .ctd: AgentSearch<CentredTD>(problem, seed: seed)
    case .dqn: AgentSearch<DeepQ>(problem, seed: seed)
    case .actorCritic: AgentSearch<ActorCritic>(problem, seed: seed)
    case .random: RandomSearch(problem, seed: seed, batchSize: batchSize)
    case .floor: FloorDescent(problem)
    }
  }
}
