import ViseTensor

/// What the reference says about one window, kept so that plans can be compared with it.
struct ReferenceScores: Sendable {
  /// Final features of the scored rows.
  let features: Matrix
  /// Σ_v p(v) · head[v] for each scored row.
  let expectedHead: Matrix
  let logSumExp: [Double]
  let argmax: [Int32]
  let negativeLogLikelihood: [Double]

  var byteCount: Int {
    features.buffer.byteCount + expectedHead.buffer.byteCount + features.rows * 20
  }
}
