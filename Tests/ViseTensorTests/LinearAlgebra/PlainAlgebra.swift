import ViseTensor

/// Matrices in double by their definitions: what the fast code is compared with.
struct Plain {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(rows: Int, columns: Int, values: [Double]) {
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  init(_ matrix: Matrix) {
    self.init(rows: matrix.rows, columns: matrix.columns, values: matrix.values.map(Double.init))
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  var transposed: Plain {
    var result = Plain(rows: columns, columns: rows, values: values)
    for row in 0..<rows {
      for column in 0..<columns { result[column, row] = self[row, column] }
    }
    return result
  }

  static func * (a: Plain, b: Plain) -> Plain {
    var values = [Double](repeating: 0, count: a.rows * b.columns)
    // Unsafe only for speed: tests are not optimised.
    a.values.withUnsafeBufferPointer { left in
      b.values.withUnsafeBufferPointer { right in
        values.withUnsafeMutableBufferPointer { result in
          for row in 0..<a.rows {
            for inner in 0..<a.columns {
              let factor = left[row * a.columns + inner]
              for column in 0..<b.columns {
                result[row * b.columns + column] += factor * right[inner * b.columns + column]
              }
            }
          }
        }
      }
    }
    return Plain(rows: a.rows, columns: b.columns, values: values)
  }

  static func identity(_ order: Int) -> Plain {
    var result = Plain(
      rows: order, columns: order, values: [Double](repeating: 0, count: order * order))
    for index in 0..<order { result[index, index] = 1 }
    return result
  }

  /// The largest difference of two values, relative to the largest value of `other`.
  func distance(to other: Plain) -> Double {
    guard rows == other.rows, columns == other.columns else { return .infinity }
    let scale = other.values.reduce(0) { max($0, abs($1)) }
    return zip(values, other.values).reduce(0) { max($0, abs($1.0 - $1.1)) } / max(scale, 1e-30)
  }
}

/// Random matrices for tests.
struct MatrixSource {
  private var random: RandomSource

  init(seed: UInt64) {
    random = RandomSource(seed: seed)
  }

  /// Values uniform in −1..<1.
  mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      values: (0..<rows * columns).map { _ in Float(2 * random.nextUnit() - 1) })
  }

  /// XᵀX of 2n rows plus a tenth of the identity: well conditioned.
  mutating func positiveDefinite(_ order: Int) -> Matrix {
    let x = Plain(matrix(2 * order, order))
    var gram = x.transposed * x
    for index in 0..<order { gram[index, index] += 0.1 }
    return Matrix(rows: order, columns: order, values: gram.values.map { Float($0) })
  }
}
