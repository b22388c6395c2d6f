public import ViseCompression
public import ViseEvaluation
public import ViseTensor

/// Measures the options a search is likely to choose among, those at the budget's prices first.
///
/// First some options of every unit; then, in rounds, what is best by the losses known so far and what
/// the prices next to the budget's would choose, until those are measured. The few options of a graph's layers
/// are all measured in the end.
public struct OptionSurvey {
  public private(set) var losses: OptionLosses
  private let space: SearchSpace
  private let sites: [Site]
  private let probing: any LossProbing
  private let allocation: AllocationProblem
  private let goal: SearchGoal
  private var queue: ArraySlice<Item>
  private var round = 0

  /// Options of a unit measured before any choice is made.
  private static let anchors = 3
  private static let rounds = 4
  /// Options of a unit besides staying as it is that are few.
  private static let fewOptions = 12
  /// Prices relative to the budget's, whose choices are measured too.
  private static let nearPrices = [0.5, 2, 0.25, 4]

  private struct Item: Hashable {
    let unit: Int
    let option: Int
  }

  /// - Parameter allocation: costs and limits of the space's options; losses in it do not count.
  public init(
    space: SearchSpace, sites: [Site], allocation: AllocationProblem, goal: SearchGoal,
    probing: any LossProbing
  ) {
    self.space = space
    self.sites = sites
    self.allocation = allocation
    self.goal = goal
    self.probing = probing
    losses = OptionLosses(space: space, sites: sites)
    queue = []
    queue = anchors()[...]
  }

  /// Options still to be measured in this round.
  public var waitingCount: Int { queue.count }

  /// Measures the next option; false once the survey is complete.
  public mutating func step(cancellation: CancellationFlag) throws -> Bool {
    while queue.isEmpty {
      guard round <= Self.rounds else { return false }
      round += 1
      queue = (round > Self.rounds ? rest() : try contested())[...]
      if queue.isEmpty, round <= Self.rounds { round = Self.rounds }
    }
    guard let item = queue.first else { return false }
    // What is interrupted stays in the queue.
    try measure(item, cancellation)
    queue.removeFirst()
    return true
  }

  /// Options of each unit spread around what it would get if all units were alike.
  private func anchors() -> [Item] {
    let prior = allocation.withLosses { losses.loss(unit: $0, option: $1) }
    let prices = goal.multipliers(for: prior)
    let middle = LagrangianAllocator.choice(prior, prices)
    let efficient = prior.efficientOptions
    let ladders = space.units.indices.map { unit -> [Int] in
      let sorted = efficient[unit].sorted {
        prior.units[unit][$0].loss < prior.units[unit][$1].loss
      }
      let place = sorted.firstIndex(of: middle[unit]) ?? 0
      return sorted.indices.sorted { (abs($0 - place), $0) < (abs($1 - place), $1) }
        .map { sorted[$0] }.filter { !losses.isMeasured(unit: unit, option: $0) }
    }
    // The first of all units first: a survey that is cut short knows something of each.
    return (0..<Self.anchors).flatMap { rank in
      ladders.indices.compactMap { unit in
        ladders[unit].indices.contains(rank)
          ? Item(unit: unit, option: ladders[unit][rank]) : nil
      }
    }
  }

  /// What has to be known to choose, and is not.
  private func contested() throws -> [Item] {
    let problem = allocation.withLosses { losses.loss(unit: $0, option: $1) }
    var choices = [try goal.optimum(of: problem)]
    let prices = goal.multipliers(for: problem)
    for factor in Self.nearPrices {
      choices.append(LagrangianAllocator.choice(problem, prices.map { $0 * factor }))
    }
    var seen: Set<Item> = []
    return choices.flatMap { choice in
      choice.enumerated().map { Item(unit: $0, option: $1) }
    }.filter { !losses.isMeasured(unit: $0.unit, option: $0.option) && seen.insert($0).inserted }
  }

  /// What is not measured yet of a graph's layers with few options.
  private func rest() -> [Item] {
    space.units.indices.flatMap { unit in
      let options = space.units[unit].options.indices
      let isFew =
        options.count <= Self.fewOptions + 1 && sites[space.units[unit].sites[0]].role.isOfGraph
      return options.filter { isFew && !losses.isMeasured(unit: unit, option: $0) }
        .map { Item(unit: unit, option: $0) }
    }
  }

  private mutating func measure(_ item: Item, _ cancellation: CancellationFlag) throws {
    let unit = space.units[item.unit]
    var total = 0.0
    for (site, treatment) in zip(unit.sites, unit.options[item.option].treatments)
    where treatment != .keep {
      total += max(
        0, try probing.loss(of: sites[site], under: treatment, cancellation: cancellation))
    }
    losses.set(total, unit: item.unit, option: item.option)
  }
}
