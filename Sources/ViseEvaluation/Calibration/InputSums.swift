import ViseCompression
import ViseTensor

/// Running sums over the rows of one input; one thread at a time adds to it.
final class InputSums {
  let columns: Int
  /// Σ x·xᵀ in its upper triangle.
  let gram: Matrix
  /// Σ x.
  private(set) var sums: [Double]
  private(set) var minimum: [Float]
  private(set) var maximum: [Float]
  /// A batch's column sums; kept for its storage.
  private var batchSums: [Float]

  init(columns: Int) {
    self.columns = columns
    gram = .zeros(rows: columns, columns: columns)
    sums = [Double](repeating: 0, count: columns)
    minimum = [Float](repeating: .infinity, count: columns)
    maximum = [Float](repeating: -.infinity, count: columns)
    batchSums = [Float](repeating: 0, count: columns)
  }

  init(gram: Matrix, sums: [Double], minimum: [Float], maximum: [Float]) {
    columns = gram.columns
    self.gram = gram
    self.sums = sums
    self.minimum = minimum
    self.maximum = maximum
    batchSums = [Float](repeating: 0, count: columns)
  }

  /// Memory of the sums over an input of `columns` features.
  static func byteCount(columns: Int) -> Int { columns * (columns * 4 + 8 + 3 * 4) }

  /// Adds the rows of `x`.
  func add(_ x: Matrix) throws(LinearAlgebraError) {
    precondition(x.columns == columns)
    try withExtendedLifetime(x) { () throws(LinearAlgebraError) in
      try LinearAlgebra.accumulateGram(
        x: x.pointer, rows: x.rows, columns: columns, stride: columns, into: gram)
      addColumns(x)
    }
  }

  private func addColumns(_ x: Matrix) {
    batchSums.withUnsafeMutableBufferPointer { sums in
      minimum.withUnsafeMutableBufferPointer { minimum in
        maximum.withUnsafeMutableBufferPointer { maximum in
          sums.update(repeating: 0)
          for row in 0..<x.rows {
            let values = x.pointer + row * columns
            for column in 0..<columns {
              let value = values[column]
              sums[column] += value
              minimum[column] = value < minimum[column] ? value : minimum[column]
              maximum[column] = value > maximum[column] ? value : maximum[column]
            }
          }
        }
      }
    }
    for column in 0..<columns { sums[column] += Double(batchSums[column]) }
  }

  /// The mean statistics over `tokenCount` rows, or `nil` where a sum is infinite or no number.
  func statistics(tokenCount: Int) -> SiteCalibration? {
    let moment = gram.copy()
    Kernels.scale(moment.pointer, count: moment.count, by: 1 / Float(tokenCount))
    LinearAlgebra.symmetrize(moment)
    let isFinite = withExtendedLifetime(moment) {
      UnsafeBufferPointer(start: moment.pointer, count: moment.count).allSatisfy(\.isFinite)
    }
    let mean = sums.map { Float($0 / Double(tokenCount)) }
    guard isFinite, mean.allSatisfy(\.isFinite), minimum.allSatisfy(\.isFinite),
      maximum.allSatisfy(\.isFinite)
    else { return nil }
    return SiteCalibration(
      tokenCount: tokenCount, secondMoment: moment, mean: mean, minimum: minimum,
      maximum: maximum)
  }

  /// The sums as means of `count` rows each; extremes stay.
  func divided(by count: Int) -> InputSums {
    let moment = gram.copy()
    Kernels.scale(moment.pointer, count: moment.count, by: 1 / Float(count))
    return InputSums(
      gram: moment, sums: sums.map { $0 / Double(count) }, minimum: minimum, maximum: maximum)
  }

  /// Whether every feature has had finite values only: an infinity or NaN reaches its square.
  var isFinite: Bool {
    LinearAlgebra.diagonal(of: gram).allSatisfy(\.isFinite)
  }
}

// SAFETY: Whoever shares sums between threads lets one of them in at a time.
extension InputSums: @unchecked Sendable {}
