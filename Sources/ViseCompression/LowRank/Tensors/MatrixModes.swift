import ViseTensor

/// A matrix as a tensor of few dimensions, each of some rows' digits and some columns' digits.
///
/// Rows and columns are written in a mixed base; dimension k pairs the k-th digits of both (Novikov et al.,
/// "Tensorizing Neural Networks", NIPS 2015, section 4).
public struct MatrixModes: Hashable, Sendable {
  /// The base of each digit of a row's number, the first the most significant; `columns` alike.
  public let rows: [Int]
  public let columns: [Int]

  /// - Parameter count: dimensions.
  init(_ shape: WeightShape, count: Int) {
    rows = Self.factors(of: shape.rows, count: count)
    // The largest digits of columns go with the smallest of rows.
    columns = Self.factors(of: shape.columns, count: count).reversed()
  }

  /// Of the tensor's dimensions.
  public var sizes: [Int] { zip(rows, columns).map { $0 * $1 } }

  /// `value` as a product of `count` factors as even as its primes allow, descending.
  static func factors(of value: Int, count: Int) -> [Int] {
    var (rest, primes, divisor) = (value, [Int](), 2)
    while divisor * divisor <= rest {
      if rest % divisor == 0 {
        primes.append(divisor)
        rest /= divisor
      } else {
        divisor += 1
      }
    }
    if rest > 1 { primes.append(rest) }
    var factors = [Int](repeating: 1, count: count)
    for prime in primes.reversed() {
      let smallest = factors.indices.min { factors[$0] < factors[$1] } ?? 0
      factors[smallest] *= prime
    }
    return factors.sorted(by: >)
  }

  /// The matrix's numbers in the order of the tensor, row-major.
  func tensor(of matrix: Matrix) -> [Float] {
    var result = [Float](repeating: 0, count: matrix.count)
    withExtendedLifetime(matrix) {
      visit { place, index in result[place] = matrix.pointer[index] }
    }
    return result
  }

  /// The matrix that a tensor of these dimensions stands for.
  func matrix(of tensor: Matrix) -> Matrix {
    let result = Matrix(rows: rows.reduce(1, *), columns: columns.reduce(1, *))
    withExtendedLifetime((tensor, result)) {
      visit { place, index in result.pointer[index] = tensor.pointer[place] }
    }
    return result
  }

  /// Every element's place in the tensor and in the matrix, row-major both.
  private func visit(_ body: (_ place: Int, _ index: Int) -> Void) {
    let (rowStrides, columnStrides) = (Self.strides(rows), Self.strides(columns))
    let width = columns.reduce(1, *)
    var digits = [Int](repeating: 0, count: 2 * rows.count)
    let limits = zip(rows, columns).flatMap { [$0, $1] }
    let steps = zip(rowStrides, columnStrides).flatMap { [$0 * width, $1] }
    var index = 0
    for place in 0..<rows.reduce(1, *) * width {
      body(place, index)
      for digit in digits.indices.reversed() {
        digits[digit] += 1
        index += steps[digit]
        if digits[digit] < limits[digit] { break }
        index -= digits[digit] * steps[digit]
        digits[digit] = 0
      }
    }
  }

  private static func strides(_ sizes: [Int]) -> [Int] {
    sizes.indices.map { sizes[($0 + 1)...].reduce(1, *) }
  }
}
