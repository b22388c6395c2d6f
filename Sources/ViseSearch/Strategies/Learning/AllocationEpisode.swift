import Glibc

/// Allocation as a sequence of decisions: each unit in turn is given a level, within what is left.
///
/// The state describes the unit and the budget that remains; a reward is what the unit's option loses,
/// negated and scaled (the shape of HAQ, arXiv:1811.08886, and AMC, arXiv:1802.03494). A level is a
/// price of the resources around the budget's, at which the unit takes the option that is best for it:
/// so levels mean the same for units of any size. Levels from which the units still to come could not
/// fit are closed, so every episode ends within the limits.
struct AllocationEpisode {
  /// What an agent sees of a state.
  static let featureCount = 8
  /// Prices an agent chooses among, the budget's own in their middle.
  static let levelCount = 7
  private static let priceStep = 1.6

  private let problem: AllocationProblem
  /// What each unit takes at each level.
  private let options: [[Int]]
  /// Least use of each resource by the units from each position on.
  private let leastRest: [[Double]]
  private let descriptors: [[Double]]
  private let scale: Double

  private(set) var position = 0
  private(set) var choice: [Int] = []
  private var used: [Double]
  private var lastLevel = 0

  /// `nil` where the limits cannot be met.
  init?(_ problem: AllocationProblem) {
    guard zip(problem.leastCosts, problem.limits).allSatisfy({ $0 <= $1 }) else { return nil }
    self.problem = problem
    let prices = LagrangianAllocator().multipliers(for: problem)
    let choices = (0..<Self.levelCount).map { level in
      let factor = pow(Self.priceStep, Double(level - Self.levelCount / 2))
      return LagrangianAllocator.choice(problem, prices.map { $0 * factor })
    }
    options = problem.units.indices.map { unit in choices.map { $0[unit] } }
    var rest = [problem.limits.map { _ in 0.0 }]
    for options in problem.units.reversed() {
      let least = problem.limits.indices.map { resource in
        options.map { $0.costs[resource] }.min() ?? 0
      }
      rest.append(zip(rest[rest.count - 1], least).map { $0 + $1 })
    }
    leastRest = rest.reversed()
    let worst = problem.units.map { options in options.map(\.loss).max() ?? 0 }
    scale = max(worst.reduce(0, +) / Double(max(worst.count, 1)), 1e-12)
    descriptors = Self.descriptors(problem, worst)
    used = problem.limits.map { _ in 0 }
  }

  /// Log size and log sensitivity of each unit, about 0 with spread 1.
  private static func descriptors(_ problem: AllocationProblem, _ worst: [Double]) -> [[Double]] {
    let sizes = problem.units.map { options in
      let costs = options.map { $0.costs.first ?? 0 }
      return log(max((costs.max() ?? 0) - (costs.min() ?? 0), 1e-9))
    }
    let losses = worst.map { log(max($0, 1e-12)) }
    let density = zip(losses, sizes).map { $0 - $1 }
    return (0..<problem.units.count).map { unit in
      [standard(sizes, unit), standard(losses, unit), standard(density, unit)]
    }
  }

  private static func standard(_ values: [Double], _ index: Int) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (values[index] - mean) / max(variance.squareRoot(), 1e-9)
  }

  var isOver: Bool { position == problem.units.count }

  mutating func restart() {
    position = 0
    choice = []
    used = problem.limits.map { _ in 0 }
    lastLevel = 0
  }

  /// The state, by features of order 1.
  var features: [Double] {
    guard !isOver else { return [Double](repeating: 0, count: Self.featureCount) }
    var slack = 1.0
    for (resource, limit) in problem.limits.enumerated() {
      let free = limit - used[resource] - leastRest[position][resource]
      let whole = limit - leastRest[0][resource]
      let share = Double(problem.units.count - position) / Double(problem.units.count)
      slack = min(slack, whole > 0 ? free / whole / share - 1 : -1)
    }
    let descriptor = descriptors[position]
    let level = Double(lastLevel) / Double(Self.levelCount - 1)
    return [
      1, Double(position) / Double(problem.units.count), descriptor[0], descriptor[1],
      descriptor[2], slack, descriptor[2] * slack, level,
    ]
  }

  private func option(of level: Int) -> Int { options[position][level] }

  /// Whether the units still to come fit after this level.
  func isOpen(_ level: Int) -> Bool {
    let costs = problem.units[position][option(of: level)].costs
    return problem.limits.indices.allSatisfy {
      used[$0] + costs[$0] + leastRest[position + 1][$0] <= problem.limits[$0] * (1 + 1e-12)
    }
  }

  /// Levels that can be chosen.
  var openLevels: [Int] { (0..<Self.levelCount).filter(isOpen) }

  /// Gives the unit `level` and returns the reward.
  ///
  /// Where the level is closed the unit gets what uses least.
  mutating func take(_ level: Int) -> Double {
    let unit = problem.units[position]
    var index = option(of: level)
    if !isOpen(level) {
      index =
        unit.indices.min {
          (unit[$0].costs.first ?? 0, $0) < (unit[$1].costs.first ?? 0, $1)
        } ?? index
    }
    for (resource, cost) in unit[index].costs.enumerated() { used[resource] += cost }
    choice.append(index)
    position += 1
    lastLevel = level
    return -unit[index].loss / scale
  }
}
