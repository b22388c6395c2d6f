import ViseTensor

/// Prunes a weight with the method a treatment names, or the best its statistics allow.
struct SitePruning {
  let sparsity: Sparsity
  let statistics: SiteCalibration?
  let factors: InputFactorCache
  let work: RowWork

  func prune(_ weight: Matrix) throws -> PrunedWeight {
    let informed = sparsity.pattern.isBlocks ? PruningMethod.wanda : .sparseGPT
    switch sparsity.method ?? (statistics == nil ? .magnitude : informed) {
    case .magnitude:
      return try MagnitudePruning(sparsity: sparsity).prune(weight, work: work)
    case .wanda:
      return try wanda(weight)
    case .sparseGPT:
      return try SparseGPT(sparsity: sparsity, factor: try factor()).prune(weight, work: work)
    case .exactOBS:
      return try ExactOBS(sparsity: sparsity, factor: try factor()).prune(weight, work: work)
    case .repaired:
      return try MaskRepair(sparsity: sparsity, statistics: try known())
        .repair(try wanda(weight).mask, of: weight, work: work)
    case .reformed:
      return try Reformation(factor: try factor())
        .reform(weight, mask: try wanda(weight).mask, work: work)
    case .maximumWeight, .weightVariance, .normProduct, .outputEnergy, .merging:
      throw CompressionError.unsuitable("whole channels go before single weights do")
    }
  }

  private func wanda(_ weight: Matrix) throws -> PrunedWeight {
    try WandaPruning(sparsity: sparsity, meanSquares: try known().diagonal)
      .prune(weight, work: work)
  }

  private func factor() throws -> InputFactor { try factors.factor(of: try known()) }

  private func known() throws(CompressionError) -> SiteCalibration {
    guard let statistics else {
      throw .needsCalibration(method: sparsity.method?.rawValue ?? "pruning")
    }
    return statistics
  }
}
