public import ViseTensor

/// The nearest matrix of each rank: the truncated singular value decomposition.
///
/// No matrix of rank r is nearer to W in the Frobenius norm than U_r·Σ_r·V_rᵀ (Eckart and Young,
/// "The approximation of one matrix by another of lower rank", 1936). Needs no data.
public struct SVDFactorization: Sendable {
  public init() {}

  /// All ranks at once.
  public func decompose(_ weight: Matrix) throws(LinearAlgebraError) -> RankedFactors {
    let svd = try LinearAlgebra.svd(weight)
    return RankedFactors(left: svd.u, values: svd.s, right: svd.vt)
  }

  public func factors(
    of weight: Matrix, rank: Int
  ) throws(LinearAlgebraError) -> LowRankFactors {
    try decompose(weight).factors(rank: rank)
  }
}
