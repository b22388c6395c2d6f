import Glibc
import ViseTensor

/// An actor and a critic: a softmax policy moved along its advantage, kept broad by an entropy bonus.
///
/// Mnih et al., arXiv:1602.01783, section 4 (advantage actor-critic), with the entropy term of soft
/// actor-critic for discrete actions (Christodoulou, arXiv:1910.07207).
struct ActorCritic: AllocationAgent {
  private var actor: SmallNetwork
  private var critic: SmallNetwork

  private static let entropy = 0.01

  init(_ random: inout RandomSource) {
    actor = SmallNetwork(
      inputs: AllocationEpisode.featureCount, hidden: 24, outputs: AllocationEpisode.levelCount,
      rate: 3e-3, &random)
    critic = SmallNetwork(
      inputs: AllocationEpisode.featureCount, hidden: 24, outputs: 1, rate: 5e-3, &random)
  }

  /// Probabilities of the open levels, 0 for the closed.
  private func policy(_ features: [Double], _ open: [Int]) -> [Double] {
    let logits = actor(features)
    var result = [Double](repeating: 0, count: logits.count)
    let top = open.map { logits[$0] }.max() ?? 0
    for level in open { result[level] = exp(logits[level] - top) }
    let sum = result.reduce(0, +)
    return sum > 0 ? result.map { $0 / sum } : result
  }

  func level(_ episode: AllocationEpisode, explores: Bool, _ random: inout RandomSource) -> Int {
    let open = episode.openLevels
    guard !open.isEmpty else { return AllocationEpisode.levelCount - 1 }
    let policy = policy(episode.features, open)
    guard explores else { return open.max { policy[$0] < policy[$1] } ?? open[0] }
    var left = random.nextUnit()
    for level in open {
      left -= policy[level]
      if left <= 0 { return level }
    }
    return open[open.count - 1]
  }

  mutating func learn(
    _ episode: inout AllocationEpisode, episodes count: Int, _ random: inout RandomSource
  ) {
    for _ in 0..<count {
      episode.restart()
      var steps: [(features: [Double], open: [Int], level: Int, reward: Double)] = []
      while !episode.isOver {
        let (features, open) = (episode.features, episode.openLevels)
        let level = level(episode, explores: true, &random)
        let reward = episode.take(level)
        steps.append((features, open, level, reward))
      }
      update(steps)
    }
  }

  private mutating func update(
    _ steps: [(features: [Double], open: [Int], level: Int, reward: Double)]
  ) {
    var ahead = 0.0
    for step in steps.reversed() {
      ahead += step.reward
      let value = critic(step.features)[0]
      let advantage = min(max(ahead - value, -3), 3)
      critic.accumulate(step.features, derivative: [-advantage])
      guard step.open.contains(step.level) else { continue }
      let policy = policy(step.features, step.open)
      let spread = policy.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
      var derivative = [Double](repeating: 0, count: policy.count)
      for level in step.open {
        let chosen = level == step.level ? 1.0 : 0
        derivative[level] = -advantage * (chosen - policy[level])
        if policy[level] > 0 {
          derivative[level] += Self.entropy * policy[level] * (log(policy[level]) + spread)
        }
      }
      actor.accumulate(step.features, derivative: derivative)
    }
    actor.step(over: steps.count)
    critic.step(over: steps.count)
  }
}
