/// Floats in rows, row-major and contiguous, sharing its storage when copied.
public struct Matrix: Sendable {
  public let rows: Int
  public let columns: Int
  public let buffer: FloatBuffer

  /// Makes a matrix whose values are undefined.
  public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, buffer: FloatBuffer(count: rows * columns))
  }

  /// Uses the start of `buffer`.
  public init(rows: Int, columns: Int, buffer: FloatBuffer) {
    precondition(rows >= 0 && columns >= 0 && rows * columns <= buffer.count)
    self.rows = rows
    self.columns = columns
    self.buffer = buffer
  }

  public init(rows: Int, columns: Int, values: [Float]) {
    precondition(values.count == rows * columns)
    self.init(rows: rows, columns: columns)
    pointer.update(from: values, count: values.count)
  }

  public var count: Int { rows * columns }
  public var pointer: UnsafeMutablePointer<Float> { buffer.pointer }

  /// The address of row `index`.
  public func row(_ index: Int) -> UnsafeMutablePointer<Float> {
    precondition(index >= 0 && index < rows)
    return pointer + index * columns
  }

  /// The values, row by row.
  public var values: [Float] {
    Array(UnsafeBufferPointer(start: pointer, count: count))
  }

  /// A copy with storage of its own.
  public func copy() -> Matrix {
    let result = Matrix(rows: rows, columns: columns)
    result.pointer.update(from: pointer, count: count)
    return result
  }

  /// The rows `range`, copied.
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    let result = Matrix(rows: range.count, columns: columns)
    result.pointer.update(from: pointer + range.lowerBound * columns, count: result.count)
    return result
  }
}
