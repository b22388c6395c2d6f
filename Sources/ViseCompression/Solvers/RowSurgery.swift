import ViseTensor

/// One row of a weight from which columns go one at a time, the others making up for each at once.
///
/// The step of "Optimal Brain Compression" (arXiv:2208.11580, equations 3 and 4): column p takes the
/// value q, w −= (w[p] − q) / H⁻¹[p, p] · H⁻¹[·, p], and H⁻¹ −= H⁻¹[·, p]·H⁻¹[p, ·] / H⁻¹[p, p].
/// Columns that went are kept out of the matrix, so all of n columns take n³/3 steps.
struct RowSurgery {
  /// The columns that remain, in no order.
  private(set) var columns: [Int]
  /// Their present values, in the same order.
  private(set) var values: [Float]
  /// The inverse over the columns that remain, in the upper left corner.
  private let inverse: Matrix
  private let direction: Matrix

  init(_ row: UnsafePointer<Float>, inverse: Matrix) {
    columns = Array(0..<inverse.columns)
    values = columns.map { row[$0] }
    self.inverse = inverse.copy()
    direction = Matrix(rows: 1, columns: inverse.columns)
  }

  /// H⁻¹[p, p] of the column at `place`; damping keeps it positive, and rounding must not undo that.
  func diagonal(_ place: Int) -> Float {
    max(withExtendedLifetime(inverse) { $0.row(place)[place] }, .leastNormalMagnitude)
  }

  /// The place of the least cost; `nil` where all are `nil`.
  func cheapest(_ cost: (_ place: Int) -> Float?) -> Int? {
    var best: (place: Int, cost: Float)?
    for place in columns.indices {
      guard let cost = cost(place) else { continue }
      // Of two columns that cost the same the first in the row goes.
      let isFirst = best.map { (cost, columns[place]) < ($0.cost, columns[$0.place]) } ?? true
      if isFirst { best = (place, cost) }
    }
    return best?.place
  }

  /// Gives the column at `place` the value `value` and lets the others make up for it.
  mutating func settle(_ place: Int, at value: Float) {
    let last = columns.count - 1
    moveToEnd(place)
    let share = 1 / diagonal(last)
    let step = (values[last] - value) * share
    withExtendedLifetime((inverse, direction)) {
      let from = direction.pointer
      from.update(from: inverse.row(last), count: last)
      for other in 0..<last {
        let (row, factor) = (inverse.row(other), from[other] * share)
        values[other] -= step * from[other]
        for index in 0..<last { row[index] -= factor * from[index] }
      }
    }
    columns.removeLast()
    values.removeLast()
  }

  private mutating func moveToEnd(_ place: Int) {
    let last = columns.count - 1
    guard place != last else { return }
    columns.swapAt(place, last)
    values.swapAt(place, last)
    withExtendedLifetime(inverse) {
      let (first, second) = (inverse.row(place), inverse.row(last))
      for index in 0...last { swap(&first[index], &second[index]) }
      for index in 0...last {
        let row = inverse.row(index)
        swap(&row[place], &row[last])
      }
    }
  }
}

extension InputFactor {
  /// H⁻¹ = Uᵀ·U.
  var inverse: Matrix {
    let transposed = inverseFactor.transposed()
    return LinearAlgebra.productTransposed(transposed, transposed)
  }
}
