public import ViseCompression

/// A plan that treats all layers alike, as models are compressed without a search.
public struct UniformPlan: Hashable, Sendable {
  /// The treatment of all layers that are chosen for.
  public let treatment: Treatment
  public let plan: Plan
  public let byteCount: Int

  /// One for each treatment that every unit of `space` can have, by falling size.
  public static func all(of space: SearchSpace, sizes: SizeModel) -> [UniformPlan] {
    let first = space.units.first?.options.map { $0.treatments[0] } ?? []
    return first.filter { $0 != .keep }.compactMap { treatment -> UniformPlan? in
      let choice = space.units.compactMap { unit in
        unit.options.firstIndex { $0.treatments.allSatisfy { $0 == treatment } }
      }
      guard choice.count == space.units.count else { return nil }
      let plan = space.plan(choice)
      return UniformPlan(
        treatment: treatment, plan: plan, byteCount: sizes.byteCount(of: plan))
    }.sorted { ($0.byteCount, $0.treatment.name) > ($1.byteCount, $1.treatment.name) }
  }
}
