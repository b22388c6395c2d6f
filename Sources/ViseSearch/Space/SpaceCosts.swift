public import ViseCompression

/// What a plan uses of each resource; exact for bytes.
public struct CostModel: Sendable {
  public let resource: Resource
  /// `nil` where nothing is known of a plan.
  public let cost: @Sendable (Plan) -> Double?

  public init(_ resource: Resource, cost: @escaping @Sendable (Plan) -> Double?) {
    self.resource = resource
    self.cost = cost
  }

  /// Bytes of the exported file.
  public static func bytes(_ sizes: SizeModel) -> CostModel {
    CostModel(.bytes) { Double(sizes.byteCount(of: $0)) }
  }
}

/// Why a budget could not be put to a search.
public enum SearchSpaceError: Error, Hashable, Sendable {
  /// Every site is locked or has one option.
  case nothingToChoose
  /// The least a plan of this space uses is more than the limit.
  case unreachable(Resource, limit: Double, least: Double)
  /// Each limit can be met, but not all together.
  case conflicting([Resource])
  /// Nothing is known of what plans use of it.
  case unknownCost(Resource)
}

/// Costs of options as a problem adds them up, checked against what whole plans cost.
public struct SpaceCosts: Sendable {
  public let space: SearchSpace
  public let resources: [Resource]
  public let limits: [Double]
  private let models: [CostModel]
  private let base: [Double]
  /// What each option adds to a plan with nothing else chosen, by unit, option and resource.
  private let marginal: [[[Double]]]

  /// - Parameter models: one for each limited resource.
  public init(
    space: SearchSpace, budget: Budget, models: [CostModel]
  ) throws(SearchSpaceError) {
    guard !space.units.isEmpty else { throw .nothingToChoose }
    self.space = space
    resources = budget.resources
    limits = resources.map { budget.limits[$0] ?? .infinity }
    var chosen: [CostModel] = []
    var base: [Double] = []
    for resource in resources {
      guard let model = models.first(where: { $0.resource == resource }),
        let cost = model.cost(space.base)
      else { throw .unknownCost(resource) }
      chosen.append(model)
      base.append(cost)
    }
    self.base = base
    self.models = chosen
    var marginal: [[[Double]]] = []
    for unit in space.units.indices {
      var options: [[Double]] = []
      for option in space.units[unit].options.indices {
        let plan = space.plan(unit: unit, option: option)
        var costs: [Double] = []
        for (index, model) in chosen.enumerated() {
          guard let cost = model.cost(plan) else { throw .unknownCost(model.resource) }
          costs.append(cost - base[index])
        }
        options.append(costs)
      }
      marginal.append(options)
    }
    self.marginal = marginal
    do throws(AllocationError) {
      try problem.checkReachable()
    } catch {
      throw describe(error)
    }
  }

  /// The allocation problem, without losses, with limits tightened by `reserve` of each.
  public func problem(reserve: [Double]) -> AllocationProblem {
    AllocationProblem(
      units: marginal.map { options in
        options.map { AllocationProblem.Option(loss: 0, costs: $0) }
      },
      limits: limits.indices.map { limits[$0] - base[$0] - reserve[$0] })
  }

  public var problem: AllocationProblem { problem(reserve: limits.map { _ in 0 }) }

  /// What the whole plan uses of each resource.
  public func costs(of plan: Plan) -> [Double] {
    models.map { $0.cost(plan) ?? .infinity }
  }

  public func meetsLimits(_ plan: Plan) -> Bool {
    zip(costs(of: plan), limits).allSatisfy { $0 <= $1 }
  }

  /// How far sums over options fall short of what the whole plan costs; 0 where they do not.
  public func shortfall(of choice: [Int]) -> [Double] {
    let sums = problem.costs(of: choice)
    return zip(costs(of: space.plan(choice)), zip(base, sums)).map { max(0, $0 - $1.0 - $1.1) }
  }

  /// The error of `fault` in terms of resources.
  public func describe(_ fault: AllocationError) -> SearchSpaceError {
    switch fault {
    case .unreachable(let resource, _, let least):
      .unreachable(
        resources[resource], limit: limits[resource], least: least + base[resource])
    case .conflicting: .conflicting(resources)
    }
  }
}
