import ViseTensor

/// Activation buffers one worker uses again and again.
///
/// Not thread-safe: each worker has its own.
final class Scratch {
  private var free: [Int: [FloatBuffer]] = [:]

  /// Bytes of the buffers nobody uses now.
  var freeByteCount: Int { free.values.joined().reduce(0) { $0 + $1.byteCount } }

  /// Lets all free buffers go; call it before work of another shape, which needs other sizes.
  func clear() {
    free.removeAll()
  }

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
