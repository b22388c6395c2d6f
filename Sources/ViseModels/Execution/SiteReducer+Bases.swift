import Synchronization
import ViseCompression
import ViseTensor

extension SiteReducer {
  /// Bases remembered; another plan's sites make others.
  private static let mostBases = 16

  /// Coefficients of `site` with the basis it shares.
  ///
  /// These depend on the weights of all that share it, so no level is kept of them.
  func compressSharing(
    _ site: Site, _ treatment: Treatment, work: RowWork
  ) throws -> CompressedSite {
    guard let format = treatment.format, case .shared(_, let rank)? = treatment.structure else {
      throw failure(.unsuitable("it has no basis to share"), site, treatment)
    }
    do {
      if let problem = treatment.problem(for: site) { throw CompressionError.unsuitable(problem) }
      try BLAS.load()
      let shared = SharedBasis(rank: rank, format: format, method: treatment.method, work: work)
      let basis = try basis(treatment, site, shared)
      let coefficients = try shared.coefficients(of: layer(site), basis: basis)
      return CompressedSite(
        [basis, coefficients], form: treatment.form, format: format, shape: site.shape,
        leavesBasis: treatment.leavesBasis(of: site))
    } catch let error as CompressionError {
      throw failure(error, site, treatment)
    }
  }

  private func basis(
    _ treatment: Treatment, _ site: Site, _ shared: SharedBasis
  ) throws -> EncodedWeight {
    if let known = bases.withLock({ $0[treatment] }) { return known }
    let names = treatment.sharers?.names ?? [site.name]
    let made = try shared.basis(
      of: try names.map { name in
        guard let site = model.site(named: name) else { throw ModelError.missingWeight(name) }
        return layer(site)
      })
    bases.withLock { bases in
      if bases.count >= Self.mostBases { bases = [:] }
      bases[treatment] = made
    }
    return made
  }

  private func layer(_ site: Site) -> SharedBasis.Layer {
    let (weight, calibration) = (weight, calibration)
    return SharedBasis.Layer(
      weight: { try weight(site.name) }, statistics: { try calibration?.statistics(of: site) })
  }
}
