import COpenBLAS
import Glibc

/// Eigenvalues of a symmetric matrix with their vectors.
public struct SymmetricEigen: Sendable {
  /// Ascending.
  public let values: [Float]
  /// Row i is the unit vector of `values[i]`.
  public let vectors: Matrix
}

/// A matrix as U·diag(s)·Vᵀ.
public struct SingularValues: Sendable {
  /// rows × rank, orthonormal columns.
  public let u: Matrix
  /// Descending, never negative.
  public let s: [Float]
  /// rank × columns, orthonormal rows.
  public let vt: Matrix

  public var rank: Int { s.count }
}

extension LinearAlgebra {
  /// Eigenvalues and vectors of a symmetric matrix; only its upper triangle is read.
  public static func symmetricEigen(_ a: Matrix) throws(LinearAlgebraError) -> SymmetricEigen {
    precondition(a.rows == a.columns)
    try checkFinite(a)
    let vectors = a.copy()
    var values = [Float](repeating: 0, count: a.rows)
    let status = vise_lapack_symmetric_eigen(Int64(a.rows), vectors.pointer, &values)
    try check(status, rows: a.rows, columns: a.columns)
    return SymmetricEigen(values: values, vectors: vectors)
  }

  /// The singular value decomposition of `a`, of the `rank` largest values where that is given.
  ///
  /// All values are computed whatever `rank` is.
  public static func svd(
    _ a: Matrix, rank: Int? = nil
  ) throws(LinearAlgebraError) -> SingularValues {
    try checkFinite(a)
    let inner = min(a.rows, a.columns)
    let work = a.copy()
    let u = Matrix(rows: a.rows, columns: inner)
    let vt = Matrix(rows: inner, columns: a.columns)
    var s = [Float](repeating: 0, count: inner)
    let status = withExtendedLifetime((work, u, vt)) {
      vise_lapack_svd(
        Int64(a.rows), Int64(a.columns), work.pointer, u.pointer, &s, vt.pointer)
    }
    try check(status, rows: a.rows, columns: a.columns)
    guard let rank, rank < inner else { return SingularValues(u: u, s: s, vt: vt) }
    precondition(rank >= 0)
    return SingularValues(u: u.columns(0..<rank), s: Array(s[..<rank]), vt: vt.rows(0..<rank))
  }

  /// Q with orthonormal columns and upper triangular R with Q·R = `a`.
  public static func qr(_ a: Matrix) throws(LinearAlgebraError) -> (q: Matrix, r: Matrix) {
    try checkFinite(a)
    let inner = min(a.rows, a.columns)
    let work = a.copy()
    let q = Matrix(rows: a.rows, columns: inner)
    let r = Matrix(rows: inner, columns: a.columns)
    let status = withExtendedLifetime((work, q, r)) {
      vise_lapack_qr(Int64(a.rows), Int64(a.columns), work.pointer, q.pointer, r.pointer)
    }
    try check(status, rows: a.rows, columns: a.columns)
    return (q, r)
  }

  /// exp(−Σ p ln p) with p the share of each value: how many of them matter; 0 for none.
  ///
  /// Roy and Vetterli, "The effective rank" (EUSIPCO 2007), definition 1.
  public static func effectiveRank(_ values: [Float]) -> Double {
    let total = values.reduce(0.0) { $0 + Double($1) }
    guard total > 0 else { return 0 }
    let entropy = values.reduce(0.0) { sum, value in
      let share = Double(value) / total
      return share > 0 ? sum - share * log(share) : sum
    }
    return exp(entropy)
  }
}
