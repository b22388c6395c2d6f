import COpenBLAS

extension LinearAlgebra {
  /// Adds XᵀX to the upper triangle of `gram`; the rest of it is not touched.
  ///
  /// X is `rows` × `columns` at `x`, its rows `stride` apart. Call `symmetrize` once all is added.
  public static func accumulateGram(
    x: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int, into gram: Matrix
  ) throws(LinearAlgebraError) {
    precondition(gram.rows == columns && gram.columns == columns && stride >= columns)
    let status = withExtendedLifetime(gram) {
      vise_lapack_accumulate_gram(
        Int64(rows), Int64(columns), x, Int64(stride), gram.pointer, Int64(columns))
    }
    try check(status, rows: rows, columns: columns)
  }

  /// Copies the upper triangle of `a` into its lower one, in place.
  public static func symmetrize(_ a: Matrix) {
    precondition(a.rows == a.columns)
    let n = a.rows
    withExtendedLifetime(a) {
      let tile = 32
      for rowStart in stride(from: 0, to: n, by: tile) {
        for columnStart in stride(from: 0, through: rowStart, by: tile) {
          for row in rowStart..<min(rowStart + tile, n) {
            for column in columnStart..<min(columnStart + tile, row) {
              a.pointer[row * n + column] = a.pointer[column * n + row]
            }
          }
        }
      }
    }
  }

  /// The diagonal of a square matrix.
  public static func diagonal(of a: Matrix) -> [Float] {
    precondition(a.rows == a.columns)
    return withExtendedLifetime(a) { (0..<a.rows).map { a.pointer[$0 * a.columns + $0] } }
  }
}
