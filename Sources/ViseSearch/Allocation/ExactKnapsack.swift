/// The optimum of an allocation with one resource, by dynamic programming over non-dominated states.
///
/// States are pairs of cost and loss (Nemhauser and Ullmann, 1969); those whose loss with the dual's
/// bound of the rest is no less than a known choice's are dropped, and so are options whose reduced
/// cost alone exceeds the gap (Pisinger, "A minimal algorithm for the multiple-choice knapsack
/// problem", 1995). With the λ of the dual few states are left.
public struct ExactKnapsack: Sendable {
  /// States kept at most in one stage; beyond it the result is the best found, with its bound.
  public var stateLimit: Int

  public init(stateLimit: Int = 1 << 17) {
    self.stateLimit = stateLimit
  }

  /// - Precondition: the problem has one limit.
  /// - Throws: `AllocationError` where it cannot be met.
  public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
    precondition(problem.limits.count == 1, "exact for one resource")
    let start = try LagrangianAllocator().allocate(problem)
    let multiplier = LagrangianAllocator().multipliers(for: problem)
    let stages = Stages(problem, multiplier[0], incumbent: start.loss)
    guard stages.gap > 0 else {
      return Allocation(choice: start.choice, loss: start.loss, lowerBound: start.loss)
    }
    return run(problem, stages, start)
  }

  /// A partial choice over the stages so far.
  private struct State {
    var cost: Double
    /// Reduced loss: above what the dual already counts.
    var excess: Double
    var parent: Int32
    var option: Int32

    /// The loss itself, but for what all states share.
    func loss(_ multiplier: Double) -> Double { excess - multiplier * cost }
  }

  /// Units as the dynamic program sees them: options by their reduced losses.
  private struct Stages {
    struct Entry {
      let option: Int
      /// Cost above the unit's cheapest remaining option.
      let cost: Double
      /// Loss + λ·cost above the unit's least.
      let reduced: Double
    }

    var units: [(unit: Int, entries: [Entry])] = []
    /// The choice where a unit has one option left.
    var fixed: [Int]
    /// What is left of the limit beyond the cheapest remaining options.
    var capacity: Double
    let multiplier: Double
    /// The incumbent's loss above the dual bound.
    let gap: Double

    init(_ problem: AllocationProblem, _ multiplier: Double, incumbent: Double) {
      self.multiplier = multiplier
      gap = incumbent - LagrangianAllocator.dual(problem, [multiplier])
      fixed = [Int](repeating: 0, count: problem.units.count)
      capacity = problem.limits[0]
      let efficient = problem.efficientOptions
      for (unit, options) in problem.units.enumerated() {
        let prices = options.map { $0.price([multiplier]) }
        let least = prices.min() ?? 0
        let left = efficient[unit].filter { prices[$0] - least < gap }
        let cheapest = left.map { options[$0].costs[0] }.min() ?? 0
        capacity -= cheapest
        if left.count == 1 { fixed[unit] = left[0] }
        guard left.count > 1 else { continue }
        units.append(
          (
            unit,
            left.map {
              Entry(
                option: $0, cost: options[$0].costs[0] - cheapest, reduced: prices[$0] - least)
            }
          ))
      }
      // Units with the widest choices last: early stages stay small.
      units.sort { $0.entries.count < $1.entries.count }
    }
  }

  private func run(
    _ problem: AllocationProblem, _ stages: Stages, _ start: Allocation
  ) -> Allocation {
    var layers: [[State]] = [[State(cost: 0, excess: 0, parent: 0, option: 0)]]
    var isComplete = true
    for (_, entries) in stages.units {
      guard let last = layers.last else { break }
      var next = Self.extend(last, entries, stages)
      if next.count > stateLimit {
        isComplete = false
        next = Array(next.sorted { $0.excess < $1.excess }.prefix(stateLimit))
      }
      layers.append(Self.undominated(next, stages.multiplier))
    }
    guard let best = Self.best(layers.last ?? [], stages) else {
      return Allocation(
        choice: start.choice, loss: start.loss,
        lowerBound: isComplete ? start.loss : start.lowerBound)
    }
    let choice = Self.trace(best, layers, stages)
    let loss = problem.loss(of: choice)
    guard loss < start.loss, problem.isFeasible(choice) else {
      return Allocation(
        choice: start.choice, loss: start.loss,
        lowerBound: isComplete ? start.loss : start.lowerBound)
    }
    return Allocation(
      choice: choice, loss: loss, lowerBound: isComplete ? loss : start.lowerBound)
  }

  private static func extend(
    _ states: [State], _ entries: [Stages.Entry], _ stages: Stages
  ) -> [State] {
    var next: [State] = []
    next.reserveCapacity(states.count * 2)
    for (index, state) in states.enumerated() {
      for entry in entries {
        let cost = state.cost + entry.cost
        let excess = state.excess + entry.reduced
        guard cost <= stages.capacity, excess < stages.gap else { continue }
        next.append(
          State(
            cost: cost, excess: excess, parent: Int32(index), option: Int32(entry.option)))
      }
    }
    return next
  }

  /// States that no other beats in both cost and loss, by rising cost.
  private static func undominated(_ states: [State], _ multiplier: Double) -> [State] {
    var kept: [State] = []
    var least = Double.infinity
    for state in states.sorted(by: { ($0.cost, $0.excess) < ($1.cost, $1.excess) }) {
      let loss = state.loss(multiplier)
      guard loss < least else { continue }
      least = loss
      kept.append(state)
    }
    return kept
  }

  /// The final state of least loss.
  private static func best(_ states: [State], _ stages: Stages) -> Int? {
    states.indices.min { a, b in
      states[a].loss(stages.multiplier) < states[b].loss(stages.multiplier)
    }
  }

  private static func trace(_ index: Int, _ layers: [[State]], _ stages: Stages) -> [Int] {
    var choice = stages.fixed
    var index = index
    for (layer, stage) in stages.units.enumerated().reversed() {
      let state = layers[layer + 1][index]
      choice[stage.unit] = Int(state.option)
      index = Int(state.parent)
    }
    return choice
  }
}
