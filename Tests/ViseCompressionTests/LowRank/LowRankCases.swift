import ViseTensor

/// The matrices the goldens were made from, drawn in the same order.
struct LowRankCases {
  let weight: Matrix
  let secondMoment: Matrix
  let square: Matrix

  init() {
    var random = RandomSource(seed: 2024)
    weight = Self.matrix(24, 16, &random)
    secondMoment = Self.secondMoment(60, 16, &random)
    square = Self.matrix(12, 12, &random)
  }

  static func matrix(_ rows: Int, _ columns: Int, _ random: inout RandomSource) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      values: (0..<rows * columns).map { _ in Float(2 * random.nextUnit() - 1) })
  }

  /// Of inputs of unequal size, each channel half the one before it added.
  static func secondMoment(
    _ rows: Int, _ columns: Int, _ random: inout RandomSource
  ) -> Matrix {
    var x = matrix(rows, columns, &random).values.map(Double.init)
    for row in 0..<rows {
      for column in 0..<columns {
        let place = row * columns + column
        x[place] *= Double(1 + column % 5)
        if column > 0 { x[place] += 0.5 * x[place - 1] }
      }
    }
    var moment = [Float](repeating: 0, count: columns * columns)
    for a in 0..<columns {
      for b in 0..<columns {
        let sum = (0..<rows).reduce(0.0) { $0 + x[$1 * columns + a] * x[$1 * columns + b] }
        moment[a * columns + b] = Float(sum / Double(rows))
      }
    }
    return Matrix(rows: columns, columns: columns, values: moment)
  }
}

/// ‖(a − b)·M^½‖² in double, M the identity where none is given.
func squaredError(_ a: Matrix, _ b: Matrix, _ moment: Matrix? = nil) -> Double {
  guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
  let difference = zip(a.values, b.values).map { Double($0) - Double($1) }
  guard let moment else { return difference.reduce(0) { $0 + $1 * $1 } }
  let weights = moment.values.map(Double.init)
  let columns = a.columns
  var total = 0.0
  for row in 0..<a.rows {
    let values = difference[row * columns..<(row + 1) * columns]
    for (i, x) in values.enumerated() {
      for (j, y) in values.enumerated() { total += x * weights[i * columns + j] * y }
    }
  }
  return total
}

/// Whether two errors agree to what float32 arithmetic can promise.
func agree(_ found: Double, _ expected: Double) -> Bool { abs(found - expected) < 1e-4 * expected }
