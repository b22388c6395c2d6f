import Synchronization
import ViseTensor

/// Draws tokens from next-token distributions, stratified within each row.
struct DistributionSampler {
  private let rowCount: Int
  private let vocabulary: Int
  private let drawsPerRow: Int
  /// Ascending within each row.
  private let quantiles: [Double]
  private static let sliceLength = 2048

  init(rowCount: Int, vocabulary: Int, drawsPerRow: Int, seed: UInt64) {
    self.rowCount = rowCount
    self.vocabulary = vocabulary
    self.drawsPerRow = drawsPerRow
    var random = RandomSource(seed: seed)
    quantiles = (0..<rowCount * drawsPerRow).map { index in
      (Double(index % drawsPerRow) + random.nextUnit()) / Double(drawsPerRow)
    }
  }

  /// Token ids, `drawsPerRow` for each of `rows` of `distributions` in turn.
  func draw(
    _ rows: [Int], from distributions: ReferenceDistributions, on pool: ComputePool,
    cancellation: CancellationFlag
  ) throws -> [Int] {
    try onEachThread(of: pool) { range in
      var draws = Draws(range, self)
      for (index, row) in range.enumerated() {
        try cancellation.check()
        distributions.forEachSlice(at: rows[row]) { first, probabilities in
          draws.take(probabilities, first: first, at: index)
        }
      }
      return draws.tokens
    }
  }

  /// Token ids, `drawsPerRow` for each row of `features` in turn, from the softmax under `head`.
  func draw(
    features: Matrix, head: Matrix, logSumExp: [Double], on pool: ComputePool,
    cancellation: CancellationFlag
  ) throws -> [Int] {
    try onEachThread(of: pool) { rows in
      let part = features.rows(rows)
      let normalizers = Array(logSumExp[rows])
      var draws = Draws(rows, self)
      let logits = Matrix(rows: rows.count, columns: Self.sliceLength)
      for first in stride(from: 0, to: head.rows, by: Self.sliceLength) {
        try cancellation.check()
        let columns = min(Self.sliceLength, head.rows - first)
        BLAS.multiplyTransposed(
          m: rows.count, n: columns, k: head.columns, a: part.pointer, strideA: part.columns,
          b: head.row(first), strideB: head.columns, c: logits.pointer, strideC: columns)
        Kernels.expNormalize(
          logits.pointer, rows: rows.count, columns: columns, stride: columns,
          logSumExp: normalizers)
        for row in 0..<rows.count {
          draws.take(
            UnsafeBufferPointer(start: logits.pointer + row * columns, count: columns),
            first: first, at: row)
        }
      }
      withExtendedLifetime((part, head, logits)) {}
      return draws.tokens
    }
  }

  /// The same on any number of threads.
  private func onEachThread(
    of pool: ComputePool, _ body: @Sendable (Range<Int>) throws -> [Int]
  ) throws -> [Int] {
    let count = min(pool.threadCount, rowCount)
    let parts = Mutex<[Int: [Int]]>([:])
    try pool.forEach(count) { item, _ in
      let tokens = try body((item * rowCount / count)..<((item + 1) * rowCount / count))
      parts.withLock { $0[item] = tokens }
    }
    return parts.withLock { parts in (0..<count).flatMap { parts[$0] ?? [] } }
  }

  /// The draws of some rows, whose probabilities are gone through once, in the vocabulary's order.
  private struct Draws {
    private(set) var tokens: [Int]
    private var next: [Int]
    private var cumulative: [Double]
    private let quantiles: ArraySlice<Double>
    private let drawsPerRow: Int

    init(_ rows: Range<Int>, _ sampler: DistributionSampler) {
      drawsPerRow = sampler.drawsPerRow
      // What rounding leaves over goes to the last token.
      tokens = [Int](repeating: sampler.vocabulary - 1, count: rows.count * drawsPerRow)
      next = [Int](repeating: 0, count: rows.count)
      cumulative = [Double](repeating: 0, count: rows.count)
      quantiles =
        sampler.quantiles[rows.lowerBound * drawsPerRow..<rows.upperBound * drawsPerRow]
    }

    /// Takes the `row`-th row's probabilities of the tokens from `first` on.
    mutating func take(_ probabilities: UnsafeBufferPointer<Float>, first: Int, at row: Int) {
      let start = quantiles.startIndex + row * drawsPerRow
      for (column, probability) in probabilities.enumerated() {
        guard next[row] < drawsPerRow else { return }
        cumulative[row] += Double(probability)
        while next[row] < drawsPerRow, quantiles[start + next[row]] < cumulative[row] {
          tokens[row * drawsPerRow + next[row]] = first + column
          next[row] += 1
        }
      }
    }
  }
}
