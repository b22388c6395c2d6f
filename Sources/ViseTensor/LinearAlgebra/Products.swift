extension LinearAlgebra {
  /// a · b, for which BLAS must be loaded.
  public static func product(_ a: Matrix, _ b: Matrix) -> Matrix {
    precondition(a.columns == b.rows)
    let result = Matrix(rows: a.rows, columns: b.columns)
    guard a.columns > 0 else { return .zeros(rows: a.rows, columns: b.columns) }
    withExtendedLifetime((a, b)) {
      BLAS.multiply(
        m: a.rows, n: b.columns, k: a.columns, a: a.pointer, strideA: a.columns, b: b.pointer,
        strideB: b.columns, c: result.pointer, strideC: b.columns)
    }
    return result
  }

  /// a · bᵀ, for which BLAS must be loaded.
  public static func productTransposed(_ a: Matrix, _ b: Matrix) -> Matrix {
    precondition(a.columns == b.columns)
    let result = Matrix(rows: a.rows, columns: b.rows)
    guard a.columns > 0 else { return .zeros(rows: a.rows, columns: b.rows) }
    withExtendedLifetime((a, b)) {
      BLAS.multiplyTransposed(
        m: a.rows, n: b.rows, k: a.columns, a: a.pointer, strideA: a.columns, b: b.pointer,
        strideB: b.columns, c: result.pointer, strideC: b.rows)
    }
    return result
  }

  /// `a` with column j multiplied by `factors[j]`.
  public static func scaleColumns(of a: Matrix, by factors: [Float]) -> Matrix {
    precondition(factors.count == a.columns)
    let result = a.copy()
    for row in 0..<a.rows {
      for column in 0..<a.columns { result.pointer[row * a.columns + column] *= factors[column] }
    }
    return result
  }

  /// `a` with row i multiplied by `factors[i]`.
  public static func scaleRows(of a: Matrix, by factors: [Float]) -> Matrix {
    precondition(factors.count == a.rows)
    let result = a.copy()
    for row in 0..<a.rows {
      Kernels.scale(result.pointer + row * a.columns, count: a.columns, by: factors[row])
    }
    return result
  }
}
