public import ViseCompression

/// A plan that treats alike all layers that can be treated so, as models are compressed without a search.
public struct UniformPlan: Hashable, Sendable {
  /// Of the layers that are chosen for.
  public let treatment: Treatment
  public let plan: Plan
  public let byteCount: Int

  /// One for each format that every unit of `space` can have, and for each other treatment that more than
  /// half of them can have, by falling size; the rest stay as they are.
  public static func all(of space: SearchSpace, sizes: SizeModel) -> [UniformPlan] {
    var seen = Set<Treatment>()
    let known = space.units.flatMap(\.options).flatMap(\.treatments)
      .filter { $0 != .keep && seen.insert($0).inserted }
    return known.compactMap { treatment -> UniformPlan? in
      func index(_ unit: SearchUnit, _ treatment: Treatment) -> Int? {
        unit.options.firstIndex { $0.treatments.allSatisfy { $0 == treatment } }
      }
      let treated = space.units.count { index($0, treatment) != nil }
      let choice = space.units.compactMap { index($0, treatment) ?? index($0, .keep) }
      let least = treatment.format == nil ? space.units.count / 2 + 1 : space.units.count
      guard treated >= least, choice.count == space.units.count else { return nil }
      let plan = space.plan(choice)
      return UniformPlan(
        treatment: treatment, plan: plan, byteCount: sizes.byteCount(of: plan))
    }.sorted { ($0.byteCount, $0.treatment.name) > ($1.byteCount, $1.treatment.name) }
  }
}
