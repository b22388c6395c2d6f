import Glibc
import Synchronization
import ViseTensor

/// The reference's next-token distributions at all rows of a probe, kept whole, so that a divergence
/// takes nothing but the products of changed features' changes with the head.
///
/// With Δ = W·(f_q − f_p) for a head W, KL(p‖q) = log Σ p·e^Δ − Σ p·Δ. Probabilities are kept in
/// bfloat16, in slices that each sum to about one, and the head rounded to eight bits.
final class ReferenceDistributions: Sendable {
  private static let sliceLength = 512

  let logSumExp: [Double]
  private let features: Matrix
  private let head: RoundedWeight
  /// Probabilities within their slices: rows × vocabulary, in bfloat16.
  private let words: ByteBuffer
  /// Of each slice of each row, its share of the whole: rows × slices.
  private let shares: [Double]

  private var vocabulary: Int { head.rows }
  private var sliceCount: Int { Self.sliceCount(head.rows) }

  /// Bytes it takes for so many rows under a head of `vocabulary` × `width`.
  static func byteCount(rows: Int, vocabulary: Int, width: Int) -> Int {
    rows * (2 * vocabulary + 8 * sliceCount(vocabulary))
      + RoundedWeight.byteCount(rows: vocabulary, columns: width)
  }

  private static func sliceCount(_ vocabulary: Int) -> Int {
    (vocabulary + sliceLength - 1) / sliceLength
  }

  /// - Parameters:
  ///   - features: final features, rows × width.
  ///   - head: vocabulary × width.
  init(
    features: Matrix, head: Matrix, pool: ComputePool, cancellation: CancellationFlag
  ) throws {
    let words = ByteBuffer(count: features.rows * head.rows * 2)
    let slices = Self.sliceCount(head.rows)
    let sums = Mutex<[Int: [Double]]>([:])
    try Self.forEachPart(of: features.rows, on: pool) { rows in
      let part = features.rows(rows)
      var logSums = [Double](repeating: 0, count: rows.count * slices)
      try Self.forEachSlice(of: head, part, cancellation) { slice, columns, logits in
        var normalizers = [Double](repeating: 0, count: rows.count)
        var argmax = [Int32](repeating: 0, count: rows.count)
        Kernels.logSumExp(
          logits, rows: rows.count, columns: columns, stride: columns, logSumExp: &normalizers,
          argmax: &argmax)
        Kernels.expNormalize(
          logits, rows: rows.count, columns: columns, stride: columns, logSumExp: normalizers)
        for row in 0..<rows.count {
          logSums[row * slices + slice] = normalizers[row]
          let place = (rows.lowerBound + row) * head.rows + slice * Self.sliceLength
          Self.shorten(
            logits + row * columns, into: words.slice(place * 2, count: columns * 2))
        }
      }
      let found = logSums
      sums.withLock { $0[rows.lowerBound] = found }
    }
    let logSums = sums.withLock { sums in sums.keys.sorted().flatMap { sums[$0] ?? [] } }
    logSumExp = (0..<features.rows).map { row in
      logSums[row * slices..<(row + 1) * slices].reduce(-.infinity, logAddExp)
    }
    shares = logSums.indices.map { [logSumExp] in exp(logSums[$0] - logSumExp[$0 / slices]) }
    self.features = features
    self.words = words
    self.head = try RoundedWeight(head, work: RowWork(pool: pool, cancellation: cancellation))
  }

  /// KL at each row, in nats, where the features become `changed`; exactly zero where none does.
  func divergences(
    under changed: Matrix, pool: ComputePool, cancellation: CancellationFlag
  ) throws -> [Float] {
    let parts = Mutex<[Int: [Float]]>([:])
    try Self.forEachPart(of: changed.rows, on: pool) { rows in
      let part = try divergences(of: rows, under: changed, cancellation)
      parts.withLock { $0[rows.lowerBound] = part }
    }
    return parts.withLock { parts in parts.keys.sorted().flatMap { parts[$0] ?? [] } }
  }

  private func divergences(
    of rows: Range<Int>, under changed: Matrix, _ cancellation: CancellationFlag
  ) throws -> [Float] {
    let change = RoundedChange(changed.rows(rows), from: features.rows(rows))
    var sums = [(total: Double, mean: Double, rest: Double)](
      repeating: (0, 0, 0), count: rows.count)
    let logits = Matrix(rows: rows.count, columns: Self.sliceLength)
    for slice in 0..<sliceCount {
      try cancellation.check()
      let first = slice * Self.sliceLength
      let columns = min(Self.sliceLength, vocabulary - first)
      logits.pointer.update(repeating: 0, count: rows.count * columns)
      head.addProduct(
        rows: first..<first + columns, with: change, to: logits.pointer, stride: columns)
      withExtendedLifetime((logits, words)) {
        for (index, row) in rows.enumerated() {
          let terms = Kernels.divergenceTerms(
            probabilities(row, first, columns), change: logits.pointer + index * columns,
            count: columns)
          let share = shares[row * sliceCount + slice]
          sums[index].total += share * terms.total
          sums[index].mean += share * terms.mean
          sums[index].rest += share * terms.rest
        }
      }
    }
    return sums.map { sum in
      let mean = sum.mean / sum.total
      return Float(max(0, log1p(mean + sum.rest / sum.total) - mean))
    }
  }

  /// Calls `body` with the probabilities of each slice of the vocabulary at `row`.
  func forEachSlice(at row: Int, _ body: (_ first: Int, UnsafeBufferPointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.sliceLength) { values in
      for slice in 0..<sliceCount {
        let first = slice * Self.sliceLength
        let columns = min(Self.sliceLength, vocabulary - first)
        let stored = probabilities(row, first, columns)
        let share = Float(shares[row * sliceCount + slice])
        for index in 0..<columns {
          values[index] = Float(bitPattern: UInt32(stored[index]) << 16) * share
        }
        body(first, UnsafeBufferPointer(rebasing: UnsafeBufferPointer(values)[..<columns]))
      }
    }
    withExtendedLifetime(words) {}
  }

  private func probabilities(_ row: Int, _ first: Int, _ count: Int) -> UnsafePointer<UInt16> {
    let slice = words.slice((row * vocabulary + first) * 2, count: count * 2)
    guard let start = slice.baseAddress else { preconditionFailure("a slice has values") }
    return UnsafePointer(start.assumingMemoryBound(to: UInt16.self))
  }

  /// Writes floats in bfloat16, to nearest.
  private static func shorten(
    _ values: UnsafePointer<Float>, into target: UnsafeMutableRawBufferPointer
  ) {
    let words = target.bindMemory(to: UInt16.self)
    for index in words.indices {
      let bits = values[index].bitPattern
      words[index] = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
  }

  /// Calls `body` with logits of each slice, rows × its columns.
  private static func forEachSlice(
    of head: Matrix, _ features: Matrix, _ cancellation: CancellationFlag,
    _ body: (_ slice: Int, _ columns: Int, UnsafeMutablePointer<Float>) -> Void
  ) throws {
    let logits = Matrix(rows: features.rows, columns: sliceLength)
    for slice in 0..<sliceCount(head.rows) {
      try cancellation.check()
      let first = slice * sliceLength
      let columns = min(sliceLength, head.rows - first)
      withExtendedLifetime((features, head, logits)) {
        BLAS.multiplyTransposed(
          m: features.rows, n: columns, k: head.columns, a: features.pointer,
          strideA: features.columns, b: head.row(first), strideB: head.columns,
          c: logits.pointer, strideC: columns)
        body(slice, columns, logits.pointer)
      }
    }
  }

  /// A run of rows for each thread.
  private static func forEachPart(
    of rows: Int, on pool: ComputePool, _ body: @Sendable (Range<Int>) throws -> Void
  ) throws {
    let count = min(pool.threadCount, rows)
    try pool.forEach(count) { item, _ in
      try body((item * rows / count)..<((item + 1) * rows / count))
    }
  }
}
