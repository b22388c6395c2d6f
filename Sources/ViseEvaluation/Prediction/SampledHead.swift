import Glibc
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

  init(
    features: Matrix, head: Matrix, logSumExp: [Double], seed: UInt64,
    cancellation: CancellationFlag
  ) throws {
    let affordable = Self.byteLimit / (Self.drawsPerRow * features.columns * 4)
    let count = max(1, min(features.rows, affordable))
    rows = (0..<count).map { $0 * features.rows / count }
    let chosen = Probe.stack(rows.map { features.rows($0..<$0 + 1) })
    let tokens = try TokenSampler(drawsPerRow: Self.drawsPerRow, seed: seed).draw(
      chosen, head: head, logSumExp: rows.map { logSumExp[$0] }, cancellation: cancellation)
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

/// Draws tokens from the softmax of features under a head, stratified within each row.
private struct TokenSampler {
  let drawsPerRow: Int
  let seed: UInt64
  private static let sliceLength = 2048

  /// Token ids, `drawsPerRow` for each row in turn.
  func draw(
    _ features: Matrix, head: Matrix, logSumExp: [Double], cancellation: CancellationFlag
  ) throws -> [Int] {
    var random = RandomSource(seed: seed)
    var tokens = [Int](repeating: head.rows - 1, count: features.rows * drawsPerRow)
    let quantiles = (0..<tokens.count).map { index in
      (Double(index % drawsPerRow) + random.nextUnit()) / Double(drawsPerRow)
    }
    var next = [Int](repeating: 0, count: features.rows)
    var cumulative = [Double](repeating: 0, count: features.rows)
    let logits = Matrix(rows: features.rows, columns: Self.sliceLength)
    for first in stride(from: 0, to: head.rows, by: Self.sliceLength) {
      try cancellation.check()
      let columns = min(Self.sliceLength, head.rows - first)
      BLAS.multiplyTransposed(
        m: features.rows, n: columns, k: head.columns, a: features.pointer,
        strideA: features.columns, b: head.row(first), strideB: head.columns, c: logits.pointer,
        strideC: columns)
      Kernels.expNormalize(
        logits.pointer, rows: features.rows, columns: columns, stride: columns,
        logSumExp: logSumExp)
      for row in 0..<features.rows {
        for column in 0..<columns where next[row] < drawsPerRow {
          cumulative[row] += Double(logits.pointer[row * columns + column])
          while next[row] < drawsPerRow,
            quantiles[row * drawsPerRow + next[row]] < cumulative[row]
          {
            tokens[row * drawsPerRow + next[row]] = first + column
            next[row] += 1
          }
        }
      }
    }
    return tokens
  }
}
