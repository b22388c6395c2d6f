/// Makes a choice meet its limits, and then uses what they leave.
public struct ChoiceRepair: Sendable {
  public let problem: AllocationProblem

  public init(_ problem: AllocationProblem) {
    self.problem = problem
  }

  /// Changes single units until every limit is met, each time where it costs least per resource freed.
  ///
  /// False where no single change frees anything any more.
  public func meetLimits(_ choice: inout [Int]) -> Bool {
    var costs = problem.costs(of: choice)
    while true {
      let excess = zip(costs, problem.limits).map { max(0, $0 - $1) }
      guard excess.contains(where: { $0 > 0 }) else { return true }
      guard let move = cheapestRelief(choice, excess) else { return false }
      apply(move, &choice, &costs)
    }
  }

  /// Takes the best single improvements that fit, and then exchanges between two units, until none is
  /// left.
  public func improve(_ choice: inout [Int]) {
    var costs = problem.costs(of: choice)
    repeat {
      while let move = bestImprovement(choice, costs) { apply(move, &choice, &costs) }
    } while exchange(&choice, &costs)
  }

  /// Takes the best single improvements that fit, until none is left.
  public func fill(_ choice: inout [Int]) {
    var costs = problem.costs(of: choice)
    while let move = bestImprovement(choice, costs) { apply(move, &choice, &costs) }
  }

  private struct Move {
    let unit: Int
    let option: Int
  }

  private func apply(_ move: Move, _ choice: inout [Int], _ costs: inout [Double]) {
    let options = problem.units[move.unit]
    for resource in costs.indices {
      costs[resource] +=
        options[move.option].costs[resource] - options[choice[move.unit]].costs[resource]
    }
    choice[move.unit] = move.option
  }

  private func cheapestRelief(_ choice: [Int], _ excess: [Double]) -> Move? {
    var best: (move: Move, price: Double)?
    for (unit, options) in problem.units.enumerated() {
      let current = options[choice[unit]]
      for (index, option) in options.enumerated() where index != choice[unit] {
        // What counts is the share of each excess that goes; what grows counts against it.
        var relief = 0.0
        for resource in excess.indices {
          let freed = current.costs[resource] - option.costs[resource]
          if excess[resource] > 0 {
            relief += min(freed, excess[resource]) / excess[resource]
          } else if freed < 0 {
            relief += freed / max(problem.limits[resource], .leastNormalMagnitude)
          }
        }
        guard relief > 1e-12 else { continue }
        let price = (option.loss - current.loss) / relief
        if price < best?.price ?? .infinity { best = (Move(unit: unit, option: index), price) }
      }
    }
    return best?.move
  }

  private func bestImprovement(_ choice: [Int], _ costs: [Double]) -> Move? {
    var best: (move: Move, gain: Double)?
    for (unit, options) in problem.units.enumerated() {
      let current = options[choice[unit]]
      for (index, option) in options.enumerated() where option.loss < current.loss {
        let gain = current.loss - option.loss
        guard gain > best?.gain ?? 0, fits(costs, current, option) else { continue }
        best = (Move(unit: unit, option: index), gain)
      }
    }
    return best?.move
  }

  private func fits(
    _ costs: [Double], _ old: AllocationProblem.Option, _ new: AllocationProblem.Option
  ) -> Bool {
    costs.indices.allSatisfy { resource in
      costs[resource] - old.costs[resource] + new.costs[resource] <= problem.limits[resource]
    }
  }

  /// One exchange that lets a unit improve by what another gives up; false where none helps.
  private func exchange(_ choice: inout [Int], _ costs: inout [Double]) -> Bool {
    for (unit, options) in problem.units.enumerated() {
      let current = options[choice[unit]]
      for (index, option) in options.enumerated() where option.loss < current.loss {
        let gain = current.loss - option.loss
        var trial = costs
        for resource in trial.indices {
          trial[resource] += option.costs[resource] - current.costs[resource]
        }
        guard let other = relief(choice, trial, beside: unit, below: gain) else { continue }
        apply(Move(unit: unit, option: index), &choice, &costs)
        apply(other, &choice, &costs)
        return true
      }
    }
    return false
  }

  /// The cheapest change of another unit that brings `costs` within the limits for less than `gain`.
  private func relief(
    _ choice: [Int], _ costs: [Double], beside unit: Int, below gain: Double
  ) -> Move? {
    var best: (move: Move, price: Double)?
    for (other, options) in problem.units.enumerated() where other != unit {
      let current = options[choice[other]]
      for (index, option) in options.enumerated() where index != choice[other] {
        let price = option.loss - current.loss
        // Less than a rounding error's worth is no gain, and could go on for ever.
        guard price < min(gain * (1 - 1e-9), best?.price ?? .infinity),
          fits(costs, current, option)
        else { continue }
        best = (Move(unit: other, option: index), price)
      }
    }
    return best?.move
  }
}
