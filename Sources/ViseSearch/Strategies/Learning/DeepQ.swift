import ViseTensor

/// Deep Q-learning: a small network of levels' values, replay of past steps, and a target that lags.
///
/// Mnih et al., "Human-level control through deep reinforcement learning" (2015), algorithm 1; targets
/// by the network's own best level (double Q-learning, arXiv:1509.06461, eq. 4).
struct DeepQ: AllocationAgent {
  private struct Step {
    let features: [Double]
    let level: Int
    let reward: Double
    let next: [Double]
    let open: [Int]
  }

  private var network: SmallNetwork
  private var target: SmallNetwork
  private var replay: [Step] = []
  private var cursor = 0
  private var count = 0

  private static let capacity = 20_000
  private static let batch = 16
  /// Steps between two updates of the network, and of the target.
  private static let intervals = (network: 4, target: 500)
  private static let exploration = 0.15

  init(_ random: inout RandomSource) {
    network = SmallNetwork(
      inputs: AllocationEpisode.featureCount, hidden: 24, outputs: AllocationEpisode.levelCount,
      rate: 2e-3, &random)
    target = network
  }

  func level(_ episode: AllocationEpisode, explores: Bool, _ random: inout RandomSource) -> Int {
    let open = episode.openLevels
    if explores, random.nextUnit() < Self.exploration {
      return open.randomElement(using: &random) ?? AllocationEpisode.levelCount - 1
    }
    let values = network(episode.features)
    return open.max { values[$0] < values[$1] } ?? AllocationEpisode.levelCount - 1
  }

  mutating func learn(
    _ episode: inout AllocationEpisode, episodes count: Int, _ random: inout RandomSource
  ) {
    for _ in 0..<count {
      episode.restart()
      while !episode.isOver {
        let features = episode.features
        let level = level(episode, explores: true, &random)
        let reward = episode.take(level)
        remember(
          Step(
            features: features, level: level, reward: reward, next: episode.features,
            open: episode.isOver ? [] : episode.openLevels))
        self.count += 1
        if self.count % Self.intervals.network == 0 { improve(&random) }
        if self.count % Self.intervals.target == 0 { target = network }
      }
    }
  }

  private mutating func remember(_ step: Step) {
    if replay.count < Self.capacity {
      replay.append(step)
    } else {
      replay[cursor] = step
      cursor = (cursor + 1) % Self.capacity
    }
  }

  private mutating func improve(_ random: inout RandomSource) {
    guard replay.count >= Self.batch else { return }
    for _ in 0..<Self.batch {
      let step = replay[Int.random(in: replay.indices, using: &random)]
      var wanted = step.reward
      let own = network(step.next)
      if let best = step.open.max(by: { own[$0] < own[$1] }) { wanted += target(step.next)[best] }
      var derivative = [Double](repeating: 0, count: AllocationEpisode.levelCount)
      // Huber's loss: errors beyond 1 count linearly.
      derivative[step.level] = min(max(network(step.features)[step.level] - wanted, -1), 1)
      network.accumulate(step.features, derivative: derivative)
    }
    network.step(over: Self.batch)
  }
}
