import ViseTensor

/// Choices that differ little from another and meet the limits: level switches.
///
/// Some units move a level in their options, and others give up or take up what that costs
/// (EvoPress, arXiv:2410.14649, section 3: level-switch mutation).
struct ChoiceNeighbours: Sendable {
  private let problem: AllocationProblem
  /// Efficient options of each unit by rising cost of the first resource.
  private let ladders: [[Int]]

  init(_ problem: AllocationProblem) {
    self.problem = problem
    let efficient = problem.efficientOptions
    ladders = problem.units.indices.map { unit in
      efficient[unit].sorted {
        let options = problem.units[unit]
        return (options[$0].costs.first ?? 0, $0) < (options[$1].costs.first ?? 0, $1)
      }
    }
  }

  /// A neighbour of `choice` in which `changes` units first change level; `nil` where none was found.
  ///
  /// - Parameter losses: by which what is given up, or taken with what is left, is chosen.
  func next(
    of choice: [Int], changes: Int, losses: AllocationProblem, _ random: inout RandomSource
  ) -> [Int]? {
    var result = choice
    for _ in 0..<changes {
      let unit = Int.random(in: problem.units.indices, using: &random)
      guard let option = step(unit, from: result[unit], &random) else { continue }
      result[unit] = option
    }
    guard result != choice, ChoiceRepair(losses).meetLimits(&result) else { return nil }
    fill(&result, losses, &random)
    return result == choice ? nil : result
  }

  /// A level up or down from `option`.
  private func step(_ unit: Int, from option: Int, _ random: inout RandomSource) -> Int? {
    let ladder = ladders[unit]
    guard ladder.count > 1 else { return nil }
    // An option that is not on the ladder counts as the nearest by cost.
    let cost = problem.units[unit][option].costs.first ?? 0
    let place =
      ladder.firstIndex(of: option)
      ?? ladder.firstIndex { (problem.units[unit][$0].costs.first ?? 0) >= cost }
      ?? ladder.count - 1
    let isUp = random.nextUnit() < 0.5
    let next = place + (isUp ? 1 : -1)
    guard ladder.indices.contains(next) else { return ladder[place + (isUp ? -1 : 1)] }
    return ladder[next]
  }

  /// Takes single improvements that fit, in random order.
  private func fill(
    _ choice: inout [Int], _ losses: AllocationProblem, _ random: inout RandomSource
  ) {
    var costs = losses.costs(of: choice)
    for unit in losses.units.indices.shuffled(using: &random) {
      let options = losses.units[unit]
      let current = options[choice[unit]]
      let better = options.indices.filter { index in
        options[index].loss < current.loss
          && costs.indices.allSatisfy {
            costs[$0] - current.costs[$0] + options[index].costs[$0] <= losses.limits[$0]
          }
      }
      guard let index = better.min(by: { options[$0].loss < options[$1].loss }) else { continue }
      for resource in costs.indices {
        costs[resource] += options[index].costs[resource] - current.costs[resource]
      }
      choice[unit] = index
    }
  }
}
