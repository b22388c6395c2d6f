import ViseTensor

/// A linear critic of states and levels, trained by centred temporal differences.
///
/// Q(s,a) = θ_a·φ(s); δ = r + max Q(s′,·) − Q(s,a); θ_a += α(δ − ω)·φ and ω += β(δ − ω), so what all
/// errors have in common moves ω and not the critic (variance minimization: VMTD and its Q-learning form
/// VMQ; with ω alone, centred TD).
struct CentredTD: AllocationAgent {
  private var theta = [[Double]](
    repeating: [Double](repeating: 0, count: AllocationEpisode.featureCount),
    count: AllocationEpisode.levelCount)
  private var omega = 0.0

  private static let rates = (critic: 0.02, mean: 0.05)
  private static let exploration = 0.15

  init(_ random: inout RandomSource) {}

  private func values(_ features: [Double]) -> [Double] {
    theta.map { row in zip(row, features).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  func level(_ episode: AllocationEpisode, explores: Bool, _ random: inout RandomSource) -> Int {
    let open = episode.openLevels
    if explores, random.nextUnit() < Self.exploration {
      return open.randomElement(using: &random) ?? AllocationEpisode.levelCount - 1
    }
    let values = values(episode.features)
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
        let before = values(features)[level]
        let reward = episode.take(level)
        let next = episode.isOver ? [] : episode.openLevels
        let after = episode.isOver ? [] : values(episode.features)
        let delta = reward + (next.map { after[$0] }.max() ?? 0) - before
        // Long episodes make large returns: a bounded step keeps the critic finite.
        let step = min(max(delta - omega, -5), 5)
        for index in features.indices {
          theta[level][index] += Self.rates.critic * step * features[index]
        }
        omega += Self.rates.mean * (delta - omega)
      }
    }
  }
}
