import ViseTensor

/// Activation buffers one worker uses again and again.
///
/// Not thread-safe: each worker has its own.
final class Scratch {
  private var free: [Int: [FloatBuffer]] = [:]

  /// A matrix with undefined values.
  func take(rows: Int, columns: Int) -> Matrix {
    let count = rows * columns
    let buffer = free[count]?.popLast() ?? FloatBuffer(count: count)
    return Matrix(rows: rows, columns: columns, buffer: buffer)
  }

  /// Gives back a matrix that `take` made and nobody reads any more.
  func give(_ matrix: Matrix) {
    free[matrix.buffer.count, default: []].append(matrix.buffer)
  }
}
