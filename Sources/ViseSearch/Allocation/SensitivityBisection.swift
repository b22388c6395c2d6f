/// Two levels split along an order of sensitivity: the least sensitive units take the lower one.
///
/// Levels are positions in the unit's options by cost. How many units can be lowered is found by
/// bisection, for a quality floor as for limits.
public struct SensitivityBisection: Sendable {
  /// Efficient options of each unit by falling cost.
  private let ladders: [[Int]]
  /// Units by rising sensitivity: the loss of their lowest level for what it saves.
  public let order: [Int]
  private let problem: AllocationProblem

  /// - Parameter resource: the one options are ordered by.
  public init(_ problem: AllocationProblem, resource: Int = 0) {
    self.problem = problem
    let efficient = problem.efficientOptions
    let ladders = problem.units.indices.map { unit in
      efficient[unit].sorted {
        problem.units[unit][$0].costs[resource] > problem.units[unit][$1].costs[resource]
      }
    }
    self.ladders = ladders
    let sensitivities = problem.units.indices.map { unit -> Double in
      let options = problem.units[unit]
      guard let high = ladders[unit].first, let low = ladders[unit].last else { return 0 }
      let saved = options[high].costs[resource] - options[low].costs[resource]
      return saved > 0 ? (options[low].loss - options[high].loss) / saved : .infinity
    }
    order = problem.units.indices.sorted {
      (sensitivities[$0], $0) < (sensitivities[$1], $1)
    }
  }

  /// Levels of the unit with the most.
  public var levelCount: Int { ladders.map(\.count).max() ?? 1 }

  /// The first `count` units of the order one level below `level`, the others on it.
  ///
  /// Level 0 costs most; units with fewer levels stay on their last.
  public func choice(level: Int, lowered count: Int) -> [Int] {
    var choice = ladders.map { $0[min(level, $0.count - 1)] }
    for unit in order.prefix(count) {
      choice[unit] = ladders[unit][min(level + 1, ladders[unit].count - 1)]
    }
    return choice
  }

  /// The choice with the fewest lowered units that meets the limits.
  ///
  /// - Throws: `AllocationError` where no split does.
  public func allocate() throws(AllocationError) -> Allocation {
    try problem.checkReachable()
    for level in 0..<levelCount {
      guard problem.isFeasible(choice(level: level, lowered: order.count)) else { continue }
      var low = 0
      var high = order.count
      while low < high {
        let middle = (low + high) / 2
        if problem.isFeasible(choice(level: level, lowered: middle)) {
          high = middle
        } else {
          low = middle + 1
        }
      }
      let choice = choice(level: level, lowered: high)
      return Allocation(choice: choice, loss: problem.loss(of: choice), lowerBound: 0)
    }
    throw .conflicting
  }

  /// The choice with the most lowered units whose loss is at most `floor`, by a `loss` that grows as
  /// units are lowered; `nil` where even the highest level loses more.
  public func lowest(floor: Double, loss: (_ choice: [Int]) throws -> Double) rethrows -> [Int]? {
    let steps = levelCount * order.count
    func split(_ step: Int) -> [Int] {
      choice(level: step / max(order.count, 1), lowered: step % max(order.count, 1))
    }
    guard try loss(split(0)) <= floor else { return nil }
    var low = 0
    var high = steps
    while low < high {
      let middle = (low + high + 1) / 2
      if try loss(split(middle)) <= floor { low = middle } else { high = middle - 1 }
    }
    return split(low)
  }
}
