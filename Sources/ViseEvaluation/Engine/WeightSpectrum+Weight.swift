import Glibc
public import ViseEstimates
public import ViseTensor

extension WeightSpectrum {
  /// Singular values by the eigenvalues of the smaller product of the weight with itself.
  ///
  /// - Parameters:
  ///   - orderLimit: the largest order whose eigenvalues are computed; of larger weights evenly
  ///     spaced rows and columns stand for all.
  ///   - lengthLimit: rows the products are summed over at most.
  public init(
    of weight: Matrix, orderLimit: Int = 1024, lengthLimit: Int = 16_384,
    cancellation: CancellationFlag
  ) throws {
    try BLAS.load()
    let tall = weight.rows >= weight.columns ? weight : weight.transposed()
    let rows = Self.evenly(tall.rows, atMost: lengthLimit)
    let columns = Self.evenly(tall.columns, atMost: orderLimit)
    let gram = Matrix.zeros(rows: columns.count, columns: columns.count)
    let block = 256
    for start in stride(from: 0, to: rows.count, by: block) {
      try cancellation.check()
      let part = rows[start..<min(start + block, rows.count)]
      let values = Matrix(rows: part.count, columns: columns.count)
      try withExtendedLifetime((tall, values)) {
        for (offset, row) in part.enumerated() {
          let (source, target) = (tall.row(row), values.row(offset))
          for (index, column) in columns.enumerated() { target[index] = source[column] }
        }
        try LinearAlgebra.accumulateGram(
          x: values.pointer, rows: part.count, columns: columns.count, stride: columns.count,
          into: gram)
      }
    }
    try cancellation.check()
    let eigen = try LinearAlgebra.symmetricEigen(gram)
    let sampled = rows.count < tall.rows || columns.count < tall.columns
    let isTall = weight.rows >= weight.columns
    self.init(
      values: eigen.values.reversed().map { max($0, 0).squareRoot() },
      rows: isTall ? rows.count : columns.count, columns: isTall ? columns.count : rows.count,
      isSampled: sampled)
  }

  /// At most `limit` indices below `count`, evenly spaced.
  private static func evenly(_ count: Int, atMost limit: Int) -> [Int] {
    count <= limit ? Array(0..<count) : (0..<limit).map { $0 * count / limit }
  }
}
