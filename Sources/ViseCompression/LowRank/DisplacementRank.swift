public import ViseTensor

/// A square matrix by what is left when it is compared with itself one step down its diagonals.
public struct DisplacementFactors: Sendable {
  /// order × rank.
  public let left: Matrix
  /// rank × order.
  public let right: Matrix

  public var parameterCount: Int { left.count + right.count }

  /// The matrix whose displacement is left · right, for which BLAS must be loaded.
  public func product() -> Matrix {
    DisplacementRank.matrix(ofDisplacement: LinearAlgebra.product(left, right))
  }
}

/// Toeplitz-like matrices: low rank after displacement, between Toeplitz (rank 2 at most) and any
/// matrix (full rank).
///
/// The displacement is Z₁·W − W·Z₋₁, where Z_f shifts down by one and puts f in its upper right
/// corner (Sindhwani, Sainath and Kumar, arXiv:1510.01722, section 3). Its truncated SVD is kept:
/// nearest in the displacement, not in the weight itself.
public struct DisplacementRank: Sendable {
  public let rank: Int

  public init(rank: Int) {
    precondition(rank > 0)
    self.rank = rank
  }

  /// The factors of a square `weight`.
  public func factors(of weight: Matrix) throws(LinearAlgebraError) -> DisplacementFactors {
    precondition(weight.rows == weight.columns)
    let ranked = try SVDFactorization().decompose(Self.displacement(of: weight))
    let cut = ranked.factors(rank: min(rank, weight.rows))
    return DisplacementFactors(left: cut.left, right: cut.right)
  }

  /// Z₁·W − W·Z₋₁.
  static func displacement(of weight: Matrix) -> Matrix {
    let n = weight.rows
    let result = Matrix(rows: n, columns: n)
    withExtendedLifetime(weight) {
      for row in 0..<n {
        let above = weight.pointer + (row + n - 1) % n * n
        let own = weight.pointer + row * n
        for column in 0..<n {
          let shifted = column + 1 < n ? own[column + 1] : -own[0]
          result.pointer[row * n + column] = above[column] - shifted
        }
      }
    }
    return result
  }

  /// Undoes `displacement`: along each diagonal, which wraps around with its sign changed, the
  /// differences are known, and the change of sign fixes the first value.
  static func matrix(ofDisplacement displacement: Matrix) -> Matrix {
    let n = displacement.rows
    let result = Matrix(rows: n, columns: n)
    withExtendedLifetime(displacement) {
      for first in 0..<n {
        // All differences on the way around to the first value's negative make up twice that value.
        var sum = 0.0
        for step in 0..<n {
          sum += Double(displacement.pointer[(first + 1 + step) % n * n + step])
        }
        var value = sum / 2
        for step in 0..<n {
          result.pointer[(first + step) % n * n + step] = Float(value)
          value -= Double(displacement.pointer[(first + 1 + step) % n * n + step])
        }
      }
    }
    return result
  }
}
