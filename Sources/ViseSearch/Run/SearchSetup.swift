public import ViseCompression

/// Puts a search together: costs of the space, predicted losses, and the problem of them.
public struct SearchSetup {
  public let sites: [Site]
  public let costs: SpaceCosts
  public let windowCount: Int
  public let goal: SearchGoal

  public init(
    sites: [Site], costs: SpaceCosts, windowCount: Int, goal: SearchGoal = .leastLoss
  ) {
    self.sites = sites
    self.costs = costs
    self.windowCount = windowCount
    self.goal = goal
  }

  /// The problem under the budget, with predicted losses.
  ///
  /// - Throws: `SearchSpaceError` where the budget cannot be met.
  public func problem(losses: OptionLosses) throws(SearchSpaceError) -> SearchProblem {
    let (allocation, _) = try Self.allocate(costs: costs, goal: goal) {
      losses.loss(unit: $0, option: $1)
    }
    return SearchProblem(
      allocation: allocation, groups: groups, blocks: blocks, windowCount: windowCount,
      goal: goal)
  }

  /// The best choice within the budget by the losses given.
  ///
  /// - Throws: `SearchSpaceError` where the budget cannot be met.
  static func choice(
    costs: SpaceCosts, goal: SearchGoal, loss: (_ unit: Int, _ option: Int) -> Double
  ) throws(SearchSpaceError) -> [Int] {
    try allocate(costs: costs, goal: goal, loss: loss).choice
  }

  /// Where whole plans cost more than their options add up to, limits are tightened by what is missing.
  private static func allocate(
    costs: SpaceCosts, goal: SearchGoal, loss: (_ unit: Int, _ option: Int) -> Double
  ) throws(SearchSpaceError) -> (problem: AllocationProblem, choice: [Int]) {
    var reserve = costs.limits.map { _ in 0.0 }
    for _ in 0..<tightenings {
      let problem = costs.problem(reserve: reserve).withLosses(loss)
      let choice: [Int]
      do throws(AllocationError) {
        choice = try goal.optimum(of: problem)
      } catch {
        throw costs.describe(error)
      }
      if costs.meetsLimits(costs.space.plan(choice)) { return (problem, choice) }
      for (index, missing) in costs.shortfall(of: choice).enumerated() {
        reserve[index] += missing
      }
    }
    throw .conflicting(costs.resources)
  }

  private static let tightenings = 8

  private var blocks: [Int?] { costs.space.units.map { depth(of: sites[$0.sites[0]]) } }

  /// The block of `site`; in a graph, which has none, the place among its layers.
  private func depth(of site: Site) -> Int? { site.role.isOfGraph ? site.index : site.block }

  /// Units of one kind in one third of the depth err alike.
  private var groups: [Int] {
    let length = (sites.compactMap(depth).max() ?? 0) + 1
    var numbers: [Int: Int] = [:]
    return costs.space.units.map { unit in
      let site = sites[unit.sites[0]]
      let kind =
        switch site.role {
        case .tokenEmbedding, .output, .embedding: 0
        case .attentionQuery, .attentionKey, .attentionQKV: 1
        case .attentionValue, .attentionOutput: 2
        case .ffnGate, .ffnUp: 3
        case .ffnDown: 4
        case .linear: 5
        case .convolution, .depthwiseConvolution, .transposedConvolution: 6
        case .recurrentInput, .recurrentState: 7
        }
      let third = depth(of: site).map { 3 * $0 / length } ?? 0
      let key = 3 * kind + third
      if let known = numbers[key] { return known }
      numbers[key] = numbers.count
      return numbers.count - 1
    }
  }
}
