import Synchronization
import ViseCompression
import ViseModels
public import ViseTensor

/// How much each block changes what passes through it: 1 − mean cos(x_in, x_out) over tokens.
///
/// Men et al., "ShortGPT: Layers in Large Language Models are More Redundant Than You Expect"
/// (arXiv:2403.03853, equation 1). Blocks with little influence are the first to drop; the figure
/// looks at each alone and says nothing of several together.
public struct BlockInfluence: Hashable, Sendable {
  /// The influence of each block, in their order.
  public let values: [Double]

  public init(values: [Double]) {
    self.values = values
  }

  /// The `count` blocks with the least influence, in their order.
  public func leastInfluential(_ count: Int) -> [Int] {
    values.indices.sorted { (values[$0], $0) < (values[$1], $1) }.prefix(count).sorted()
  }

  /// Measures the reference on all windows of `text`.
  ///
  /// - Throws: `CancelledError` within one operation of the graph, or `ModelError`.
  public static func measure(
    _ session: ModelSession, on text: EvaluationText, cancellation: CancellationFlag,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> BlockInfluence {
    let weights = try session.prepare(Plan(), cancellation: cancellation)
    let workers = WorkerSet(session: session)
    let sums = Mutex<[Int: [Double]]>([:])
    try session.pool.forEach(text.windowCount) { window, worker in
      let own = try workers.with(worker) { worker in
        var previous: Matrix?
        var cosines: [Double] = []
        _ = try worker.executor.features(
          of: TokenBatch(tokens: text.window(window), sequenceLength: text.windowLength),
          weights: weights, cancellation: cancellation
        ) { checkpoint in
          if let previous { cosines.append(sumOfCosines(previous, checkpoint.value)) }
          previous = checkpoint.value.copy()
        }
        return cosines
      }
      let done = sums.withLock { sums in
        sums[window] = own
        return sums.count
      }
      progress(done)
    }
    let parts = sums.withLock { sums in (0..<text.windowCount).compactMap { sums[$0] } }
    let tokens = Double(max(text.windowCount * text.windowLength, 1))
    return BlockInfluence(
      values: (0..<session.program.graph.blockCount).map { block in
        1 - parts.reduce(0) { $0 + $1[block] } / tokens
      })
  }

  /// Σ over rows of the cosine between rows of `a` and `b`; a row of zeros counts 0.
  static func sumOfCosines(_ a: Matrix, _ b: Matrix) -> Double {
    withExtendedLifetime((a, b)) {
      (0..<a.rows).reduce(0.0) { sum, row in
        let (x, y, count) = (a.row(row), b.row(row), a.columns)
        let norms =
          (Kernels.dot(x, x, count: count) * Kernels.dot(y, y, count: count)).squareRoot()
        return norms > 0 ? sum + Kernels.dot(x, y, count: count) / norms : sum
      }
    }
  }
}
