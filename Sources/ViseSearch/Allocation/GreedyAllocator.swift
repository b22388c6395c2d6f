/// Allocation by marginal ratios: from each unit's least loss down, the cheapest step each time.
///
/// A step is the change of one unit that raises the loss least for what it frees of the resources
/// over their limits; the lower convex hull of a unit's options follows from that by itself.
public struct GreedyAllocator: Sendable {
  public init() {}

  /// - Throws: `AllocationError` where the limits cannot be met.
  public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
    try problem.checkReachable()
    var choice = problem.units.map { options in
      options.indices.min { options[$0].loss < options[$1].loss } ?? 0
    }
    guard ChoiceRepair(problem).meetLimits(&choice) else { throw .conflicting }
    let multipliers = LagrangianAllocator().multipliers(for: problem)
    return Allocation(
      choice: choice, loss: problem.loss(of: choice),
      lowerBound: LagrangianAllocator.dual(problem, multipliers))
  }
}
