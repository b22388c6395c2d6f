public import ViseTensor

/// Applies a treatment to a weight: prunes, then factorizes, then stores.
public struct SiteCompression: Sendable {
  public let treatment: Treatment
  private let work: RowWork

  public init(treatment: Treatment, work: RowWork) {
    self.treatment = treatment
    self.work = work
  }

  /// The stored form of `weight`, which is `site`'s.
  ///
  /// - Throws: `CompressionError`, `CancelledError`.
  public func compress(_ weight: Matrix, site: Site) throws -> CompressedSite {
    if let problem = treatment.problem(rows: weight.rows, columns: weight.columns) {
      throw CompressionError.unsuitable(problem)
    }
    guard treatment.sparsity == nil, treatment.lowRank == nil else {
      throw CompressionError.unsuitable("pruning and ranks are not applied yet")
    }
    let format = treatment.storedFormat(for: site)
    let encoded = try format.codec.encode(weight, importance: nil, work: work)
    return CompressedSite(
      storage: .dense(encoded), format: format,
      values: try format.codec.decode(encoded, work: work))
  }
}
