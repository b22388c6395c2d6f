public import ViseTensor

/// Scores the neurons of a gated layer by the variances of their gate and up weights (VOW).
///
/// The second criterion compared in the GLU width literature (Martra, arXiv:2512.22671):
/// s = Var(gate) + Var(up) over a neuron's incoming weights.
public struct VarianceOfWeights: Sendable {
  public init() {}

  /// The score of each row that all of `incoming` share.
  public func scores(_ incoming: [Matrix]) -> [Float] {
    rowScores(incoming, combine: +) { values in
      let count = Double(max(values.count, 1))
      let mean = values.reduce(0.0) { $0 + Double($1) } / count
      let sum = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return Float(sum / count)
    }
  }
}
