import ViseModels
import ViseTensor

/// Log-probabilities of a vocabulary from final features, without ever holding all the logits.
///
/// The vocabulary is taken in slices small enough for the cache. One scorer a worker.
final class HeadScorer {
  /// What a pass over the vocabulary gives for each row.
  struct Scores {
    /// log Σ exp(logits).
    var logSumExp: [Double]
    /// The preferred token.
    var argmax: [Int32]
    /// −log p(target), in nats.
    var negativeLogLikelihood: [Double]
  }

  private static let sliceLength = 512
  private var logits = FloatBuffer(count: 0)

  /// Scores `features` (rows × width) under `head` (vocabulary × width).
  func score(
    _ features: Matrix, head: Matrix, targets: [Int32], cancellation: CancellationFlag
  ) throws -> Scores {
    var normalizer = RowNormalizer(rows: features.rows)
    var likelihoods = [Double](repeating: 0, count: features.rows)
    try forEachSlice(of: head, features, cancellation) { first, slice, logits in
      for row in 0..<features.rows {
        let target = Int(targets[row]) - first
        if target >= 0, target < slice.rows {
          likelihoods[row] = -Double(logits[row * slice.rows + target])
        }
      }
      normalizer.add(logits, columns: slice.rows, firstColumn: first)
    }
    for row in 0..<features.rows { likelihoods[row] += normalizer.logSumExp[row] }
    return Scores(
      logSumExp: normalizer.logSumExp, argmax: normalizer.argmax,
      negativeLogLikelihood: likelihoods)
  }

  /// Σ_v p(v) · weight[v] for each row, where p is the softmax of `features` under `head`.
  ///
  /// With it, the mean of any linear head's logits under p is one dot product a row. `weight` has
  /// the shape of `head`; `logSumExp` is what `score` gave.
  func expectation(
    of weight: Matrix, under features: Matrix, head: Matrix, logSumExp: [Double],
    cancellation: CancellationFlag
  ) throws -> Matrix {
    let result = Matrix(rows: features.rows, columns: weight.columns)
    result.pointer.update(repeating: 0, count: result.count)
    try forEachSlice(of: head, features, cancellation) { first, slice, logits in
      Kernels.expNormalize(
        logits, rows: features.rows, columns: slice.rows, stride: slice.rows, logSumExp: logSumExp)
      withExtendedLifetime((weight, result)) {
        BLAS.multiply(
          m: features.rows, n: weight.columns, k: slice.rows, a: logits, strideA: slice.rows,
          b: weight.row(first), strideB: weight.columns, beta: 1, c: result.pointer,
          strideC: weight.columns)
      }
    }
    return result
  }

  /// Calls `body` with the logits of each slice of the vocabulary, rows × slice length.
  private func forEachSlice(
    of head: Matrix, _ features: Matrix, _ cancellation: CancellationFlag,
    _ body: (_ first: Int, _ slice: (rows: Int, columns: Int), UnsafeMutablePointer<Float>) ->
      Void
  ) throws {
    let needed = features.rows * Self.sliceLength
    if logits.count < needed { logits = FloatBuffer(count: needed) }
    try withExtendedLifetime((features, head, logits)) {
      for first in stride(from: 0, to: head.rows, by: Self.sliceLength) {
        try cancellation.check()
        let rows = min(Self.sliceLength, head.rows - first)
        BLAS.multiplyTransposed(
          m: features.rows, n: rows, k: head.columns, a: features.pointer,
          strideA: features.columns, b: head.row(first), strideB: head.columns,
          c: logits.pointer, strideC: rows)
        body(first, (rows, head.columns), logits.pointer)
      }
    }
  }
}

/// Running log-sum-exp and argmax of rows seen a slice at a time.
private struct RowNormalizer {
  var logSumExp: [Double]
  var argmax: [Int32]
  private var largest: [Float]
  private var sliceSums: [Double]
  private var sliceArgmax: [Int32]

  init(rows: Int) {
    logSumExp = [Double](repeating: -.infinity, count: rows)
    argmax = [Int32](repeating: 0, count: rows)
    largest = [Float](repeating: -.infinity, count: rows)
    sliceSums = [Double](repeating: 0, count: rows)
    sliceArgmax = [Int32](repeating: 0, count: rows)
  }

  mutating func add(_ logits: UnsafePointer<Float>, columns: Int, firstColumn: Int) {
    let rows = logSumExp.count
    Kernels.logSumExp(
      logits, rows: rows, columns: columns, stride: columns, logSumExp: &sliceSums,
      argmax: &sliceArgmax)
    for row in 0..<rows {
      logSumExp[row] = logAddExp(logSumExp[row], sliceSums[row])
      let top = logits[row * columns + Int(sliceArgmax[row])]
      if top > largest[row] {
        largest[row] = top
        argmax[row] = sliceArgmax[row] + Int32(firstColumn)
      }
    }
  }
}
