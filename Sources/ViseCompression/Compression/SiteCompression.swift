public import ViseTensor

/// Applies a treatment to a weight: prunes, then factorizes, then stores.
public struct SiteCompression: Sendable {
  public let treatment: Treatment
  private let calibration: (any CalibrationSource)?
  private let factors: InputFactorCache
  private let work: RowWork

  /// - Parameters:
  ///   - calibration: statistics of the sites' inputs; without them data-free methods are used.
  ///   - factors: shared by the sites of a model, so that common inputs are factored once.
  public init(
    treatment: Treatment, calibration: (any CalibrationSource)?, factors: InputFactorCache,
    work: RowWork
  ) {
    self.treatment = treatment
    self.calibration = calibration
    self.factors = factors
    self.work = work
  }

  /// The stored form of `weight`, which is `site`'s.
  ///
  /// - Throws: `CompressionError`, `CancelledError`, and what the calibration's reader throws.
  public func compress(_ weight: Matrix, site: Site) throws -> CompressedSite {
    if let problem = treatment.problem(rows: weight.rows, columns: weight.columns) {
      throw CompressionError.unsuitable(problem)
    }
    guard treatment.sparsity == nil, treatment.lowRank == nil else {
      throw CompressionError.unsuitable("pruning and ranks are not applied yet")
    }
    let statistics = try statistics(of: site, columns: weight.columns)
    let format = treatment.storedFormat(for: site)
    let solver = FormatSolver(
      codec: format.codec, method: treatment.method, statistics: statistics, factors: factors,
      work: work)
    let encoded = try solver.encode(weight)
    return CompressedSite(
      storage: .dense(encoded), format: format,
      values: try format.codec.decode(encoded, work: work))
  }

  private func statistics(of site: Site, columns: Int) throws -> SiteCalibration? {
    guard let statistics = try calibration?.statistics(of: site) else { return nil }
    guard statistics.columns == columns else {
      throw CompressionError.wrongCalibrationWidth(expected: columns, found: statistics.columns)
    }
    return statistics
  }
}
