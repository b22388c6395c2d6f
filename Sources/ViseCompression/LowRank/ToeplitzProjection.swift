public import ViseTensor

/// A matrix with one value along each of its diagonals.
public struct DiagonalConstant: Sendable {
  public let rows: Int
  public let columns: Int
  /// The value of each diagonal; which way they run is `isHankel`'s to say.
  public let values: [Float]
  /// Diagonals rise to the right (Hankel, i + j constant) rather than fall (Toeplitz, j − i).
  public let isHankel: Bool

  public var parameterCount: Int { values.count }

  /// The diagonal that holds the element at `row`, `column`.
  static func diagonal(row: Int, column: Int, rows: Int, isHankel: Bool) -> Int {
    isHankel ? row + column : column - row + rows - 1
  }

  /// All elements.
  public func product() -> Matrix {
    let result = Matrix(rows: rows, columns: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        result.pointer[row * columns + column] =
          values[Self.diagonal(row: row, column: column, rows: rows, isHankel: isHankel)]
      }
    }
    return result
  }

  /// The nearest to `weight` in the Frobenius norm: the mean of each diagonal.
  static func nearest(to weight: Matrix, isHankel: Bool) -> DiagonalConstant {
    let count = weight.rows + weight.columns - 1
    var sums = [Double](repeating: 0, count: count)
    var counts = [Double](repeating: 0, count: count)
    withExtendedLifetime(weight) {
      for row in 0..<weight.rows {
        for column in 0..<weight.columns {
          let index = diagonal(
            row: row, column: column, rows: weight.rows, isHankel: isHankel)
          sums[index] += Double(weight.pointer[row * weight.columns + column])
          counts[index] += 1
        }
      }
    }
    return DiagonalConstant(
      rows: weight.rows, columns: weight.columns,
      values: zip(sums, counts).map { Float($0 / $1) }, isHankel: isHankel)
  }
}

/// The nearest Toeplitz matrix: each falling diagonal becomes its mean.
///
/// Such a layer is a convolution over its inputs: rows + columns − 1 numbers, and a product in
/// O(n log n).
public struct ToeplitzProjection: Sendable {
  public init() {}

  public func factors(of weight: Matrix) -> DiagonalConstant {
    .nearest(to: weight, isHankel: false)
  }
}

/// The nearest Hankel matrix: each rising diagonal becomes its mean.
public struct HankelProjection: Sendable {
  public init() {}

  public func factors(of weight: Matrix) -> DiagonalConstant {
    .nearest(to: weight, isHankel: true)
  }
}
