import Glibc
import ViseTensor

/// The head seen through a few tokens drawn from the reference's distribution at each row.
///
/// With Δ = l_q − l_p, KL(p‖q) = log E_p[exp Δ] − E_p[Δ], so a mean over draws from p estimates the
/// divergence from the change of features alone, in milliseconds instead of a pass over the
/// vocabulary.
final class SampledHead: Sendable {
  private static let drawsPerRow = 32
  /// Head rows kept, in bytes; wider models get fewer rows.
  private static let byteLimit = 20 << 20

  /// Rows of the probe that are used, evenly spread.
  private let rows: [Int]
  /// Head rows of the drawn tokens: (rows · draws) × width.
  private let drawn: Matrix

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

  /// Mean KL over the used rows for a change of features, rows × width, in nats.
  ///
  /// Runs on the screen's thread, so it stays away from OpenBLAS, whose buffers sit behind spin
  /// locks that a worker of low priority may hold.
  func klMean(_ change: UnsafePointer<Float>, width: Int) -> Double {
    var shifts = [Float](repeating: 0, count: Self.drawsPerRow)
    var total = 0.0
    defer { withExtendedLifetime(drawn) {} }
    for (index, row) in rows.enumerated() {
      for draw in 0..<Self.drawsPerRow {
        shifts[draw] = Float(
          Kernels.dot(
            change + row * width, drawn.row(index * Self.drawsPerRow + draw), count: width))
      }
      total += Self.divergence(shifts)
    }
    return total / Double(rows.count)
  }

  /// log mean exp Δ − mean Δ, times n/(n − 1) for the mean being estimated from the same draws.
  private static func divergence(_ shifts: [Float]) -> Double {
    let count = Double(shifts.count)
    let largest = Double(shifts.max() ?? 0)
    var exponentials = 0.0
    var sum = 0.0
    for shift in shifts {
      exponentials += exp(Double(shift) - largest)
      sum += Double(shift)
    }
    return (largest + log(exponentials / count) - sum / count) * count / (count - 1)
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
