import COpenBLAS

extension LinearAlgebra {
  /// X with op(T)·X = B, or X·op(T) = B where T stands on the right.
  ///
  /// T must have no zero on its diagonal, which Cholesky factors never have.
  public static func solveTriangular(
    _ t: Matrix, _ triangle: Triangle, transposed: Bool = false, on side: Side = .left,
    _ b: Matrix
  ) throws(LinearAlgebraError) -> Matrix {
    try apply(vise_lapack_solve_triangular, t, triangle, transposed, side, b)
  }

  /// op(T)·B, or B·op(T) where T stands on the right, at half the cost of a full product.
  public static func multiplyTriangular(
    _ t: Matrix, _ triangle: Triangle, transposed: Bool = false, on side: Side = .left,
    _ b: Matrix
  ) throws(LinearAlgebraError) -> Matrix {
    try apply(vise_lapack_multiply_triangular, t, triangle, transposed, side, b)
  }

  /// The inverse of a triangular matrix, zeros in its other half.
  public static func invertTriangular(
    _ t: Matrix, _ triangle: Triangle
  ) throws(LinearAlgebraError) -> Matrix {
    precondition(t.rows == t.columns)
    let n = t.rows
    let result = t.copy()
    let status = withExtendedLifetime(result) {
      vise_lapack_invert_triangular(
        triangle == .upper ? 1 : 0, Int64(n), result.pointer, Int64(n))
    }
    guard status <= 0 else { throw .singular(row: Int(status) - 1) }
    try check(status, rows: n, columns: n)
    for row in 0..<n {
      switch triangle {
      case .lower:
        (result.pointer + row * n + row + 1).update(repeating: 0, count: n - row - 1)
      case .upper:
        (result.pointer + row * n).update(repeating: 0, count: row)
      }
    }
    return result
  }

  private typealias Function = (
    Int32, Int32, Int32, Int64, Int64, UnsafePointer<Float>?, Int64, UnsafeMutablePointer<Float>?,
    Int64
  ) -> Int32

  private static func apply(
    _ function: Function, _ t: Matrix, _ triangle: Triangle, _ transposed: Bool, _ side: Side,
    _ b: Matrix
  ) throws(LinearAlgebraError) -> Matrix {
    precondition(t.rows == t.columns && t.rows == (side == .left ? b.rows : b.columns))
    let result = b.copy()
    let status = withExtendedLifetime((t, result)) {
      function(
        triangle == .upper ? 1 : 0, transposed ? 1 : 0, side == .right ? 1 : 0, Int64(b.rows),
        Int64(b.columns), t.pointer, Int64(t.columns), result.pointer, Int64(b.columns))
    }
    try check(status, rows: b.rows, columns: b.columns)
    return result
  }
}
