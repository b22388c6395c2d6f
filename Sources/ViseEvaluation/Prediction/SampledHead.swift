import Glibc
import Synchronization
import ViseTensor

/// The head seen through a few tokens drawn from the reference's distribution at each row.
///
/// With Δ = l_q − l_p, KL(p‖q) = log E_p[exp Δ] − E_p[Δ], so a mean over draws from p estimates the
/// divergence from the change of features alone, in milliseconds instead of a pass over the
/// vocabulary.
final class SampledHead: Sendable {
  static let drawsPerRow = 32
  /// Head rows kept, in bytes; wider models get fewer rows.
  private static let byteLimit = 20 << 20

  /// Rows of the probe that are used, evenly spread.
  let rows: [Int]
  /// Head rows of the drawn tokens: (rows · draws) × width.
  let drawn: Matrix

  /// - Parameter distributions: what the reference expects at all of `features`, where it is kept.
  init(
    features: Matrix, head: Matrix, logSumExp: [Double], distributions: ReferenceDistributions?,
    seed: UInt64, pool: ComputePool, cancellation: CancellationFlag
  ) throws {
    let affordable = Self.byteLimit / (Self.drawsPerRow * features.columns * 4)
    let count = max(1, min(features.rows, affordable))
    rows = (0..<count).map { $0 * features.rows / count }
    let sampler = DistributionSampler(
      rowCount: count, vocabulary: head.rows, drawsPerRow: Self.drawsPerRow, seed: seed)
    let tokens =
      if let distributions {
        try sampler.draw(rows, from: distributions, on: pool, cancellation: cancellation)
      } else {
        try sampler.draw(
          features: Probe.stack(rows.map { features.rows($0..<$0 + 1) }), head: head,
          logSumExp: rows.map { logSumExp[$0] }, on: pool, cancellation: cancellation)
      }
    drawn = Probe.stack(tokens.map { head.rows($0..<$0 + 1) })
  }

  /// How much each drawn token's logit shifts for a change of features, rows × width.
  ///
  /// Linear in the change, so the shifts of a sum of changes are the sum of their shifts. Uses
  /// OpenBLAS, whose buffers sit behind spin locks: not for the screen's thread.
  func shifts(of change: Matrix) -> [Float] {
    let draws = Self.drawsPerRow
    return [Float](unsafeUninitializedCapacity: shiftCount) { buffer, count in
      for (index, row) in rows.enumerated() {
        guard let result = buffer.baseAddress else { break }
        BLAS.multiplyTransposed(
          m: 1, n: draws, k: change.columns, a: change.row(row), strideA: change.columns,
          b: drawn.row(index * draws), strideB: drawn.columns, c: result + index * draws,
          strideC: draws)
      }
      withExtendedLifetime((change, drawn)) { count = shiftCount }
    }
  }

  /// Tokens drawn in all, and so values of a `shifts(of:)`.
  var shiftCount: Int { rows.count * Self.drawsPerRow }

  /// Mean KL over the used rows where the drawn tokens' logits move by `shifts`, in nats, and about
  /// the standard error of its logarithm, from means over as many runs of rows as there are
  /// sequences.
  static func klMean(_ shifts: [Double], groups: Int) -> (mean: Double, deviation: Double) {
    let rows = shifts.count / drawsPerRow
    var sums = [Double](repeating: 0, count: groups)
    var counts = [Double](repeating: 0, count: groups)
    for row in 0..<rows {
      let start = row * drawsPerRow
      sums[row * groups / rows] += divergence(shifts[start..<start + drawsPerRow])
      counts[row * groups / rows] += 1
    }
    let mean = sums.reduce(0, +) / Double(rows)
    guard groups > 1, mean > 0 else { return (mean, 0) }
    let squares = zip(sums, counts).reduce(0) {
      $0 + ($1.0 - mean * $1.1) * ($1.0 - mean * $1.1)
    }
    let share = Double(groups) / Double(groups - 1)
    return (mean, (squares * share).squareRoot() / (Double(rows) * mean))
  }

  /// log mean exp Δ − mean Δ, times n/(n − 1) for the mean being estimated from the same draws.
  private static func divergence(_ shifts: ArraySlice<Double>) -> Double {
    let count = Double(shifts.count)
    let mean = shifts.reduce(0, +) / count
    let largest = shifts.reduce(-Double.infinity, max)
    let exponentials = shifts.reduce(0.0) { $0 + exp($1 - largest) }
    return (largest + log(exponentials / count) - mean) * count / (count - 1)
  }
}
