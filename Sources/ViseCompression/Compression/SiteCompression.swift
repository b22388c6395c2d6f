public import ViseTensor

/// Applies a treatment to a weight: prunes, then factorizes, then stores.
public struct SiteCompression: Sendable {
  public let treatment: Treatment
  private let calibration: (any CalibrationSource)?
  private let factors: InputFactorCache
  private let decompositions: DecompositionCache?
  private let work: RowWork

  /// - Parameters:
  ///   - calibration: statistics of the sites' inputs; without them data-free methods are used.
  ///   - factors: shared by the sites of a model, so that common inputs are factored once.
  ///   - decompositions: shared too, so that another rank only cuts what is known.
  public init(
    treatment: Treatment, calibration: (any CalibrationSource)?, factors: InputFactorCache,
    decompositions: DecompositionCache? = nil, work: RowWork
  ) {
    self.treatment = treatment
    self.calibration = calibration
    self.factors = factors
    self.decompositions = decompositions
    self.work = work
  }

  /// The stored form of `weight`, which is `site`'s.
  ///
  /// - Throws: `CompressionError`, `CancelledError`, and what the calibration's reader throws.
  public func compress(_ weight: Matrix, site: Site) throws -> CompressedSite {
    let shape = WeightShape(rows: weight.rows, columns: weight.columns, kernel: site.kernel)
    if let problem = treatment.problem(for: shape) {
      throw CompressionError.unsuitable(problem)
    }
    let statistics = try statistics(of: site, columns: weight.columns)
    if treatment.form != .whole || statistics != nil { try BLAS.load() }
    let format = treatment.storedFormat(for: site)
    let pruned = try treatment.sparsity.map {
      try SitePruning(sparsity: $0, statistics: statistics, factors: factors, work: work)
        .prune(weight)
    }
    if let structure = treatment.structure {
      let weights = try SiteStructuring(
        structure: structure, codec: format.codec, method: treatment.method,
        statistics: statistics, work: work
      ).compress(pruned?.values ?? weight, of: shape)
      return compressed(weights, shape, in: format)
    }
    if let lowRank = treatment.lowRank {
      let weights = try SiteFactorization(
        lowRank: lowRank, codec: format.codec, method: treatment.method, statistics: statistics,
        factors: factors, work: work,
        memory: decompositions.map { ($0, site.name, treatment.sparsity) }
      ).compress(pruned?.values ?? weight)
      return compressed(weights, shape, in: format)
    }
    let solver = FormatSolver(
      codec: format.codec, method: treatment.method, statistics: statistics, factors: factors,
      work: work)
    return compressed([try solver.encode(weight, pruned: pruned)], shape, in: format)
  }

  private func compressed(
    _ parts: [EncodedWeight], _ shape: WeightShape, in format: NumberFormat
  ) -> CompressedSite {
    CompressedSite(parts, form: treatment.form, format: format, shape: shape)
  }

  private func statistics(of site: Site, columns: Int) throws -> SiteCalibration? {
    guard let statistics = try calibration?.statistics(of: site) else { return nil }
    guard statistics.columns == columns else {
      throw CompressionError.wrongCalibrationWidth(expected: columns, found: statistics.columns)
    }
    return statistics
  }
}
