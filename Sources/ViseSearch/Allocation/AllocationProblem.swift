/// A multiple-choice knapsack problem: one option for each unit, least loss, costs within limits.
///
/// Losses and costs of options add up. What a loss is, and what costs are of, is the caller's.
public struct AllocationProblem: Hashable, Sendable {
  /// One way to treat a unit.
  public struct Option: Hashable, Sendable {
    /// What it adds to the loss, at least 0; in nats where it is a divergence.
    public var loss: Double
    /// What it adds to each resource's use, in the order of `limits`.
    public var costs: [Double]

    public init(loss: Double, costs: [Double]) {
      self.loss = loss
      self.costs = costs
    }
  }

  /// Options of each unit; every unit has at least one.
  public private(set) var units: [[Option]]
  /// What options may use of each resource together.
  public let limits: [Double]

  public init(units: [[Option]], limits: [Double]) {
    precondition(!units.contains(where: \.isEmpty), "a unit has an option")
    precondition(
      units.allSatisfy { $0.allSatisfy { $0.costs.count == limits.count } },
      "an option has a cost for each limit")
    self.units = units
    self.limits = limits
  }

  /// The sum of the chosen options' losses.
  public func loss(of choice: [Int]) -> Double {
    zip(units, choice).reduce(0) { $0 + $1.0[$1.1].loss }
  }

  /// What the chosen options use of each resource.
  public func costs(of choice: [Int]) -> [Double] {
    var total = [Double](repeating: 0, count: limits.count)
    for (options, index) in zip(units, choice) {
      for (resource, cost) in options[index].costs.enumerated() { total[resource] += cost }
    }
    return total
  }

  public func isFeasible(_ choice: [Int]) -> Bool {
    zip(costs(of: choice), limits).allSatisfy { $0 <= $1 }
  }

  /// The same choices and costs with other losses.
  public func withLosses(_ loss: (_ unit: Int, _ option: Int) -> Double) -> AllocationProblem {
    var result = self
    for unit in units.indices {
      for option in units[unit].indices { result.units[unit][option].loss = loss(unit, option) }
    }
    return result
  }

  /// The same with other limits, such as those a final check asks for.
  public func withLimits(_ limits: [Double]) -> AllocationProblem {
    AllocationProblem(units: units, limits: limits)
  }

  /// The least each resource can be used; no limit below it can be met.
  public var leastCosts: [Double] {
    limits.indices.map { resource in
      units.reduce(0) { total, options in
        total + (options.map { $0.costs[resource] }.min() ?? 0)
      }
    }
  }

  /// Options of each unit that no other option of it beats in loss and in every cost.
  var efficientOptions: [[Int]] {
    units.map { options in
      options.indices.filter { index in
        !options.indices.contains { other in
          Self.dominates(options[other], options[index], isEarlier: other < index)
        }
      }
    }
  }

  /// No worse in anything and better in something; of equals the earlier one.
  private static func dominates(_ a: Option, _ b: Option, isEarlier: Bool) -> Bool {
    guard a.loss <= b.loss, zip(a.costs, b.costs).allSatisfy({ $0 <= $1 }) else { return false }
    return isEarlier || a.loss < b.loss || a.costs != b.costs
  }
}

/// A choice of options with what is known of how good it is.
public struct Allocation: Hashable, Sendable {
  /// An option for each unit.
  public var choice: [Int]
  public var loss: Double
  /// No feasible choice has a smaller loss than this; equal to `loss` where the choice is optimal.
  public var lowerBound: Double

  public init(choice: [Int], loss: Double, lowerBound: Double) {
    self.choice = choice
    self.loss = loss
    self.lowerBound = min(lowerBound, loss)
  }

  /// How far the loss may be above the optimum, as a share of it.
  public var gap: Double { lowerBound > 0 ? loss / lowerBound - 1 : (loss > 0 ? .infinity : 0) }
}

/// Why no choice could be made.
public enum AllocationError: Error, Hashable, Sendable {
  /// A resource cannot be used as little as its limit asks.
  case unreachable(resource: Int, limit: Double, least: Double)
  /// Each limit can be met, all of them together were not.
  case conflicting
}

extension AllocationProblem {
  /// Throws where some limit cannot be met at all.
  func checkReachable() throws(AllocationError) {
    for (resource, least) in leastCosts.enumerated() where least > limits[resource] {
      throw .unreachable(resource: resource, limit: limits[resource], least: least)
    }
  }
}
