public import ViseCompression

/// A treatment every site is asked how it bears.
public struct SensitivityOption: Hashable, Sendable {
  /// As it was asked for.
  public let name: String
  private let asked: Treatment

  public init(_ treatment: Treatment) {
    name = treatment.name
    asked = treatment
  }

  /// What `site` gets: the treatment, in a larger format where rows do not fit.
  ///
  /// `nil` where it cannot be done there or changes nothing.
  public func treatment(for site: Site) -> Treatment? {
    var treatment = asked
    if let format = asked.format {
      guard
        let resolution = DefaultFormat.resolve(
          format, for: asked.reduced(site), rank: asked.lowRank?.rank)
      else { return nil }
      treatment.format = resolution.used
    }
    guard treatment.problem(for: site) == nil else { return nil }
    return Plan(treatments: [site.name: treatment]).ownChange(of: site)
  }
}
