import COpenBLAS

/// A triangular factor of a damped matrix, with the damping it took.
public struct DampedFactor: Sendable {
  public let factor: Matrix
  /// What was added to the diagonal, as a share of the diagonal's mean.
  public let damping: Float
  /// Whether more damping was needed than was asked for.
  public let isRaised: Bool
}

extension LinearAlgebra {
  /// Lower L with `a` = L·Lᵀ, zeros above the diagonal; only the lower triangle of `a` is read.
  public static func cholesky(_ a: Matrix) throws(LinearAlgebraError) -> Matrix {
    precondition(a.rows == a.columns)
    let n = a.rows
    let result = a.copy()
    try withExtendedLifetime(result) { () throws(LinearAlgebraError) in
      let status = vise_lapack_cholesky(Int64(n), result.pointer, Int64(n))
      guard status <= 0 else { throw .notPositiveDefinite(order: Int(status)) }
      try check(status, rows: n, columns: n)
      for row in 0..<n {
        // A comparison with no number is false, so such values can slip through LAPACK.
        let pivot = result.pointer[row * n + row]
        guard pivot > 0, pivot.isFinite else { throw .notPositiveDefinite(order: row + 1) }
        (result.pointer + row * n + row + 1).update(repeating: 0, count: n - row - 1)
      }
    }
    return result
  }

  /// Lower L with `a` + damping·mean(diagonal)·I = L·Lᵀ.
  ///
  /// Damping that is not enough is raised tenfold, from 1e-6 at least, up to 1; a matrix of zeros
  /// is damped as if its mean were 1. The result says what was used.
  public static func dampedCholesky(
    _ a: Matrix, damping: Float
  ) throws(LinearAlgebraError) -> DampedFactor {
    precondition(damping >= 0)
    try checkFinite(a)
    let diagonal = diagonal(of: a)
    let mean = Float(diagonal.reduce(0.0) { $0 + Double($1) } / Double(max(diagonal.count, 1)))
    let unit = mean > 0 ? mean : 1
    var share = damping
    while true {
      let damped = a.copy()
      for index in 0..<a.rows { damped.pointer[index * a.columns + index] += share * unit }
      do throws(LinearAlgebraError) {
        let factor = try cholesky(damped)
        return DampedFactor(factor: factor, damping: share, isRaised: share > damping)
      } catch {
        guard case .notPositiveDefinite = error, share < 1 else { throw error }
        share = min(max(share * 10, 1e-6), 1)
      }
    }
  }

  /// Upper U with (`h` + damping·mean(diagonal)·I)⁻¹ = Uᵀ·U: the factor GPTQ walks along.
  ///
  /// GPTQ (arXiv:2210.17323, section 3.3, step 3) takes it from the inverse. Here it is
  /// J·L⁻¹·J with L the Cholesky factor of J·h·J, J the reversal of order: no inverse is formed,
  /// which costs a third of the work and loses less. Damping is raised as by `dampedCholesky`.
  public static func upperCholeskyOfInverse(
    _ h: Matrix, damping: Float
  ) throws(LinearAlgebraError) -> DampedFactor {
    let damped = try dampedCholesky(reversed(h), damping: damping)
    let inverse = try invertTriangular(damped.factor, .lower)
    return DampedFactor(
      factor: reversed(inverse), damping: damped.damping, isRaised: damped.isRaised)
  }

  /// The inverse of a symmetric positive definite matrix, full storage.
  public static func inverseSymmetric(_ a: Matrix) throws(LinearAlgebraError) -> Matrix {
    let result = try cholesky(a)
    let n = a.rows
    let status = withExtendedLifetime(result) {
      vise_lapack_invert_from_cholesky(Int64(n), result.pointer, Int64(n))
    }
    try check(status, rows: n, columns: n)
    withExtendedLifetime(result) {
      for row in 0..<n {
        for column in 0..<row {
          result.pointer[column * n + row] = result.pointer[row * n + column]
        }
      }
    }
    return result
  }

  /// Rows and columns in reverse order.
  private static func reversed(_ a: Matrix) -> Matrix {
    let result = Matrix(rows: a.rows, columns: a.columns)
    withExtendedLifetime(a) {
      for index in 0..<a.count { result.pointer[index] = a.pointer[a.count - 1 - index] }
    }
    return result
  }
}
