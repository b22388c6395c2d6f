import COpenBLAS

/// A reason a factorization cannot be computed.
public enum LinearAlgebraError: Error, Equatable, Sendable {
  /// A leading minor of this order is not positive.
  case notPositiveDefinite(order: Int)
  /// A triangular matrix has a zero in this row of its diagonal.
  case singular(row: Int)
  /// An eigenvalue or singular value iteration did not converge.
  case didNotConverge
  /// A value is infinite or no number.
  case notFinite
  /// The sizes are beyond what LAPACK's 32-bit integers can count.
  case tooLarge(rows: Int, columns: Int)
  /// OpenBLAS or its LAPACK is missing, or no work memory could be had.
  case unavailable
}

/// Dense linear algebra on float32 matrices, single-threaded; parallelism is the callers'.
///
/// Results are new matrices unless a name says otherwise; arguments are never changed.
public enum LinearAlgebra {
  /// Which half of a triangular matrix holds its values; the other is taken for zero.
  public enum Triangle: Sendable {
    case lower, upper
  }

  /// The side of the unknown or of the product a triangular matrix stands on.
  public enum Side: Sendable {
    case left, right
  }

  /// What a status of `clapack.h` that is no failure of the numbers means.
  static func check(_ status: Int32, rows: Int, columns: Int) throws(LinearAlgebraError) {
    switch Int(status) {
    case 0: return
    case Int(VISE_LAPACK_TOO_LARGE): throw .tooLarge(rows: rows, columns: columns)
    case ..<0: throw .unavailable
    default: throw .didNotConverge
    }
  }

  static func checkFinite(_ a: Matrix) throws(LinearAlgebraError) {
    let isFinite = withExtendedLifetime(a) {
      UnsafeBufferPointer(start: a.pointer, count: a.count).allSatisfy(\.isFinite)
    }
    guard isFinite else { throw .notFinite }
  }
}

extension Matrix {
  /// The identity of `order`.
  public static func identity(_ order: Int) -> Matrix {
    diagonal([Float](repeating: 1, count: order))
  }

  /// The square matrix with `values` on its diagonal.
  public static func diagonal(_ values: [Float]) -> Matrix {
    let result = zeros(rows: values.count, columns: values.count)
    for (index, value) in values.enumerated() {
      result.pointer[index * values.count + index] = value
    }
    return result
  }

  public static func zeros(rows: Int, columns: Int) -> Matrix {
    let result = Matrix(rows: rows, columns: columns)
    result.pointer.update(repeating: 0, count: result.count)
    return result
  }

  /// The transpose, in storage of its own.
  public func transposed() -> Matrix {
    let result = Matrix(rows: columns, columns: rows)
    withExtendedLifetime(self) {
      // Tiles keep both sides in the cache.
      let tile = 32
      for rowStart in stride(from: 0, to: rows, by: tile) {
        for columnStart in stride(from: 0, to: columns, by: tile) {
          for row in rowStart..<min(rowStart + tile, rows) {
            for column in columnStart..<min(columnStart + tile, columns) {
              result.pointer[column * rows + row] = pointer[row * columns + column]
            }
          }
        }
      }
    }
    return result
  }

  /// The columns `range`, copied.
  public func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns)
    let result = Matrix(rows: rows, columns: range.count)
    withExtendedLifetime(self) {
      for row in 0..<rows {
        (result.pointer + row * range.count).update(
          from: pointer + row * columns + range.lowerBound, count: range.count)
      }
    }
    return result
  }
}
