public import ViseTensor

/// Gives the columns that remain the values with the least squared error of the outputs.
///
/// min ‖(W·X − Ŵ·X_K)‖² has the closed form Ŵ = W·H[:, K]·H[K, K]⁻¹: the reformation of "Search for
/// Efficient Large Language Models" (Shen et al., arXiv:2409.17372, section 3.4) where all rows keep
/// the same columns, so that one factorization serves them all.
public struct ChannelRefit: Sendable {
  private let factor: InputFactor

  public init(factor: InputFactor) {
    self.factor = factor
  }

  /// rows × kept, the optimum for `weight`, whose columns are the factor's inputs.
  public func values(of weight: Matrix, keeping kept: [Int]) throws -> Matrix {
    precondition(weight.columns == factor.size)
    let cross = factor.moment.columns(at: kept)
    let moment = cross.rows(at: kept)
    do {
      let root = try LinearAlgebra.cholesky(moment)
      let half = try LinearAlgebra.solveTriangular(
        root, .lower, transposed: true, on: .right, LinearAlgebra.product(weight, cross))
      return try LinearAlgebra.solveTriangular(root, .lower, on: .right, half)
    } catch {
      throw CompressionError.numericalFailure("the channels have no least squares: \(error)")
    }
  }
}
