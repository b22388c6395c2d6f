import Glibc

/// Allocation as a sequence of decisions: each unit in turn is given a level, within what is left.
///
/// The state describes the unit and the budget that remains; a reward is what the unit's option loses,
/// negated and scaled (the shape of HAQ, arXiv:1811.08886, and AMC, arXiv:1802.03494). Levels from
/// which the units still to come could not fit are closed, so every episode ends within the limits.
struct AllocationEpisode {
  /// What an agent sees of a state.
  static let featureCount = 8
  /// Levels an agent chooses among; a unit's options are spread over them by cost.
  static let levelCount = 6

  private let problem: AllocationProblem
  /// Efficient options of each unit by falling cost of the first resource.
  private let ladders: [[Int]]
  /// Least use of each resource by the units from each position on.
  private let leastRest: [[Double]]
  private let descriptors: [[Double]]
  let scale: Double

  private(set) var position = 0
  private(set) var choice: [Int] = []
  private var used: [Double]
  private var lastLevel = 0

  /// `nil` where the limits cannot be met.
  init?(_ problem: AllocationProblem) {
    guard zip(problem.leastCosts, problem.limits).allSatisfy({ $0 <= $1 }) else { return nil }
    self.problem = problem
    let efficient = problem.efficientOptions
    ladders = problem.units.indices.map { unit in
      efficient[unit].sorted {
        (-(problem.units[unit][$0].costs.first ?? 0), $0)
          < (-(problem.units[unit][$1].costs.first ?? 0), $1)
      }
    }
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

  private func option(of level: Int) -> Int {
    let ladder = ladders[position]
    let place = Double(level) / Double(Self.levelCount - 1) * Double(ladder.count - 1)
    return ladder[Int(place.rounded())]
  }

  /// Whether the units still to come fit after this level.
  func isOpen(_ level: Int) -> Bool {
    let costs = problem.units[position][option(of: level)].costs
    return problem.limits.indices.allSatisfy {
      used[$0] + costs[$0] + leastRest[position + 1][$0] <= problem.limits[$0] * (1 + 1e-12)
    }
  }

  /// Levels that can be chosen; the cheapest option of the unit where none of the spread ones fits.
  var openLevels: [Int] { (0..<Self.levelCount).filter(isOpen) }

  /// Gives the unit `level` and returns the reward.
  ///
  /// Where the level is closed the unit gets what uses least.
  mutating func take(_ level: Int) -> Double {
    let options = problem.units[position]
    var index = option(of: level)
    if !isOpen(level) {
      index =
        options.indices.min {
          (options[$0].costs.first ?? 0, $0) < (options[$1].costs.first ?? 0, $1)
        } ?? index
    }
    for (resource, cost) in options[index].costs.enumerated() { used[resource] += cost }
    choice.append(index)
    position += 1
    lastLevel = level
    return -options[index].loss / scale
  }
}
