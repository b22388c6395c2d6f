public import ViseTensor

/// The error of a site's outputs that another weight makes: Σ over rows of eᵀHe, e = ŵ − w.
public enum QuadraticError {
  /// - Parameter secondMoment: H = E[x xᵀ], columns × columns. BLAS must be loaded.
  public static func outputError(
    of decoded: Matrix, from weight: Matrix, secondMoment: Matrix
  ) -> Double {
    precondition(decoded.rows == weight.rows && decoded.columns == weight.columns)
    let difference = weight.copy()
    for index in 0..<difference.count { difference.pointer[index] -= decoded.pointer[index] }
    let product = LinearAlgebra.product(difference, secondMoment)
    return withExtendedLifetime((difference, product, decoded)) {
      Kernels.dot(difference.pointer, product.pointer, count: difference.count)
    }
  }
}
