import Glibc
public import ViseTensor

/// The nearest matrix of each rank in the layer's outputs on calibration data.
///
/// The mean squared error of the outputs is ‖(W − W′)·S‖² for any S with S·Sᵀ = E[x·xᵀ], so the
/// singular values of W·S are the losses of leaving each direction out, and the best W′ of rank r
/// is (U_r·Σ_r·V_rᵀ)·S⁻¹. S is the Cholesky factor as in SVD-LLM (arXiv:2403.07378, section 3.1,
/// truncation-aware data whitening), or a diagonal as in ASVD.
public struct ActivationWeightedSVD: Sendable {
  /// How inputs are whitened.
  public enum Whitening: Hashable, Sendable {
    /// The Cholesky factor of the second moment: exact, correlations included.
    case cholesky
    /// (E[x²])^(α/2) by channel (ASVD, arXiv:2312.05821, section 3.2, with the root mean square in
    /// place of the mean magnitude); α = 1 is exact for uncorrelated inputs, 0 the plain SVD.
    case diagonal(alpha: Double)
  }

  public let whitening: Whitening
  /// Added to the second moment's diagonal, as a share of its mean; raised where it is not enough.
  public let damping: Float

  public init(whitening: Whitening = .cholesky, damping: Float = 1e-6) {
    self.whitening = whitening
    self.damping = damping
  }

  /// All ranks at once; `secondMoment` is E[x·xᵀ] of the weight's inputs.
  public func decompose(
    _ weight: Matrix, secondMoment: Matrix
  ) throws(LinearAlgebraError) -> RankedFactors {
    precondition(
      secondMoment.rows == weight.columns && secondMoment.columns == weight.columns)
    switch whitening {
    case .cholesky:
      let root = try LinearAlgebra.dampedCholesky(secondMoment, damping: damping).factor
      let svd = try LinearAlgebra.svd(
        try LinearAlgebra.multiplyTriangular(root, .lower, on: .right, weight))
      return RankedFactors(
        left: svd.u, values: svd.s,
        right: try LinearAlgebra.solveTriangular(root, .lower, on: .right, svd.vt))
    case .diagonal(let alpha):
      let scales = scales(LinearAlgebra.diagonal(of: secondMoment), alpha: alpha)
      let svd = try LinearAlgebra.svd(LinearAlgebra.scaleColumns(of: weight, by: scales))
      return RankedFactors(
        left: svd.u, values: svd.s,
        right: LinearAlgebra.scaleColumns(of: svd.vt, by: scales.map { 1 / $0 }))
    }
  }

  public func factors(
    of weight: Matrix, secondMoment: Matrix, rank: Int
  ) throws(LinearAlgebraError) -> LowRankFactors {
    try decompose(weight, secondMoment: secondMoment).factors(rank: rank)
  }

  /// Damping keeps channels that were never active from dividing by zero.
  private func scales(_ diagonal: [Float], alpha: Double) -> [Float] {
    let mean = diagonal.reduce(0.0) { $0 + Double($1) } / Double(max(1, diagonal.count))
    let floor = max(Double(damping), 1e-12) * (mean > 0 ? mean : 1)
    return diagonal.map { Float(pow(Double($0) + floor, alpha / 2)) }
  }
}
