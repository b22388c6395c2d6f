import ViseTensor

/// Prunes a weight with the method a treatment names, or the best its statistics allow.
struct SitePruning {
  let sparsity: Sparsity
  let statistics: SiteCalibration?
  let factors: InputFactorCache
  let work: RowWork

  func prune(_ weight: Matrix) throws -> PrunedWeight {
    switch sparsity.method ?? (statistics == nil ? .magnitude : .sparseGPT) {
    case .magnitude:
      return try MagnitudePruning(sparsity: sparsity).prune(weight, work: work)
    case .wanda:
      return try WandaPruning(sparsity: sparsity, meanSquares: try known().diagonal)
        .prune(weight, work: work)
    case .sparseGPT:
      return try SparseGPT(sparsity: sparsity, factor: try factors.factor(of: try known()))
        .prune(weight, work: work)
    }
  }

  private func known() throws(CompressionError) -> SiteCalibration {
    guard let statistics else {
      throw .needsCalibration(method: sparsity.method?.rawValue ?? "pruning")
    }
    return statistics
  }
}
