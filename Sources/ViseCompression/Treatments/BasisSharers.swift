/// The sites of a plan that share one basis: all that have the same treatment.
public struct BasisSharers: Hashable, Sendable {
  /// In the order of their names; the first one's file entry holds the basis.
  public let names: [String]

  public var leader: String? { names.first }
}

extension Treatment {
  /// Whether sites with this treatment have a basis in common.
  public var sharesBasis: Bool {
    if case .shared? = structure { true } else { false }
  }

  /// Why `site` cannot share a basis so; `nil` where it can, or is not asked to.
  func sharingProblem(for site: Site) -> String? {
    guard sharesBasis, let structure else { return nil }
    if format == nil { return "\(structure.name) needs a format, which all that share it have" }
    if sparsity != nil || rowCut != nil {
      return "pruning does not go with \(structure.name), whose product is dense"
    }
    return nil
  }

  /// Whether the file keeps the basis of `site` with another site.
  public func leavesBasis(of site: Site) -> Bool {
    guard let leader = sharers?.leader else { return false }
    return leader != site.name
  }

  /// The parts of its form that the file keeps with `site`, which has its treated shape.
  func ownParts(of site: Site) -> [SiteForm.Part] {
    let parts = form.parts(of: site.shape)
    return leavesBasis(of: site) ? parts.filter { $0.name != SiteForm.basisName } : parts
  }
}
