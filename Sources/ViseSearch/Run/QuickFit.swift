public import ViseCompression
public import ViseEstimates
import ViseTensor

/// A plan for limits from what is known at once: no measuring, one allocation.
public struct QuickFit: Sendable {
  public let sites: [Site]
  public let sizes: SizeModel
  /// Seconds to decode a token under a plan, where that is known.
  public let decodeSeconds: @Sendable (Plan) -> Double?
  /// What treating one site alone loses, and whether that was measured.
  public let loss: @Sendable (Site, Treatment) -> (klMean: Double, isMeasured: Bool)?

  public init(
    sites: [Site], sizes: SizeModel, decodeSeconds: @escaping @Sendable (Plan) -> Double?,
    loss: @escaping @Sendable (Site, Treatment) -> (klMean: Double, isMeasured: Bool)?
  ) {
    self.sites = sites
    self.sizes = sizes
    self.decodeSeconds = decodeSeconds
    self.loss = loss
  }

  /// Formats a fit chooses among: those the digit keys stand for, and what lies between.
  static let formats: [NumberFormat] = [
    .ggml(.q2_K), .ggml(.iq3_XXS), .ggml(.q3_K), .ggml(.iq4_XS), .ggml(.q4_K), .ggml(.q5_K),
    .ggml(.q6_K), .ggml(.q8_0),
  ]

  /// The same for a graph: the digit keys' formats that no other of as many bytes beats.
  private static let graphFormats = [4, 8].compactMap { NumberFormat(name: "int\($0):channel") }

  private var isOfGraph: Bool { sites.contains { $0.role.isOfGraph } }

  /// The costs of what can be chosen beside `base`.
  ///
  /// - Throws: `SearchSpaceError` where nothing can be chosen or a cost is unknown.
  public func costs(base: Plan, limits: PlanLimits) throws(SearchSpaceError) -> SpaceCosts {
    var builder = SearchSpaceBuilder(
      sites: sites, locked: base,
      treatments: (isOfGraph ? Self.graphFormats : Self.formats).map { Treatment(format: $0) })
    if isOfGraph { builder.sizes = sizes }
    return try SpaceCosts(
      space: builder.build(), budget: Budget(limits),
      models: [.bytes(sizes), CostModel(.decodeSeconds, cost: decodeSeconds)])
  }

  /// The plan, and how many of its `total` units were chosen for by a guess: what they got was not
  /// measured, or nothing was that they could have got instead of staying as they are.
  ///
  /// - Throws: `SearchSpaceError` where the limits cannot be met.
  public func fit(
    base: Plan, limits: PlanLimits
  ) throws(SearchSpaceError) -> (plan: Plan, guessed: Int, total: Int) {
    let costs = try costs(base: base, limits: limits)
    let space = costs.space
    var isGuessed: [[Bool]] = []
    var losses: [[Double]] = []
    for unit in space.units {
      let site = sites[unit.sites[0]]
      let known = unit.options.map { option -> (klMean: Double, isMeasured: Bool) in
        let treatment = option.treatments[0]
        if treatment == .keep { return (0, true) }
        return loss(site, treatment)
          ?? (treatment.expectedNoise(for: site.shape), false)
      }
      losses.append(known.map(\.klMean))
      isGuessed.append(known.map { !$0.isMeasured })
    }
    let choice = try SearchSetup.choice(costs: costs, goal: SearchGoal(limits)) {
      losses[$0][$1]
    }
    let guessed = zip(space.units, zip(isGuessed, choice)).count { unit, known in
      known.0[known.1]
        || zip(unit.options, known.0).allSatisfy { $0.treatments[0] == .keep || $1 }
    }
    return (space.plan(choice), guessed, choice.count)
  }
}
