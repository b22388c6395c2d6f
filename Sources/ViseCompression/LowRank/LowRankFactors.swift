public import ViseTensor

/// A weight as the product of two thin matrices.
public struct LowRankFactors: Sendable {
  /// rows × rank.
  public let left: Matrix
  /// rank × columns.
  public let right: Matrix

  public init(left: Matrix, right: Matrix) {
    precondition(left.columns == right.rows)
    self.left = left
    self.right = right
  }

  public var rank: Int { left.columns }
  /// Numbers both factors hold together.
  public var parameterCount: Int { left.count + right.count }

  /// left · right, for which BLAS must be loaded.
  public func product() -> Matrix { LinearAlgebra.product(left, right) }

  /// left · right; rows are shared out in ranges that do not depend on the number of threads.
  func product(work: RowWork) throws -> Matrix {
    let result = Matrix(rows: left.rows, columns: right.columns)
    try work.forEachChunk(of: left.rows, length: BlockGPTQ.rowsAtOnce) { rows in
      withExtendedLifetime((left, right, result)) {
        BLAS.multiply(
          m: rows.count, n: right.columns, k: left.columns, a: left.row(rows.lowerBound),
          strideA: left.columns, b: right.pointer, strideB: right.columns,
          c: result.row(rows.lowerBound), strideC: right.columns)
      }
    }
    return result
  }
}

/// A weight as left · diag(values) · right, which can be cut at any rank.
///
/// The costly part of a factorization, made once; a slider over ranks only cuts it.
public struct RankedFactors: Sendable {
  /// rows × k.
  public let left: Matrix
  /// Descending; the squared ones left out add up to the squared error of a cut.
  public let values: [Float]
  /// k × columns.
  public let right: Matrix

  public init(left: Matrix, values: [Float], right: Matrix) {
    precondition(left.columns == values.count && right.rows == values.count)
    self.left = left
    self.values = values
    self.right = right
  }

  /// The factors of the `rank` largest values, whose square roots go to either side.
  ///
  /// Even shares keep both factors in one range, which suits storing them in few bits.
  public func factors(rank: Int) -> LowRankFactors {
    precondition(rank >= 1 && rank <= values.count)
    let roots = values[..<rank].map { $0.squareRoot() }
    return LowRankFactors(
      left: LinearAlgebra.scaleColumns(of: left.columns(0..<rank), by: roots),
      right: LinearAlgebra.scaleRows(of: right.rows(0..<rank), by: roots))
  }

  /// The squared error of a cut at `rank`, in the norm of the method that made the factors.
  public func squaredError(rank: Int) -> Double {
    values[min(rank, values.count)...].reduce(0.0) { $0 + Double($1) * Double($1) }
  }
}
