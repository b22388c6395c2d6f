public import ViseTensor

/// Scores the neurons of a gated layer by the product of the norms of gate and up weights (PON).
///
/// The third criterion compared in the GLU width literature (Martra, arXiv:2512.22671):
/// s = ‖gate‖₁·‖up‖₁, since a gated neuron is the product of the two. A layer without a gate has one
/// factor.
public struct ProductOfNorms: Sendable {
  public init() {}

  /// The score of each row that all of `incoming` share.
  public func scores(_ incoming: [Matrix]) -> [Float] {
    rowScores(incoming, combine: *) { values in
      Float(values.reduce(0.0) { $0 + Double(abs($1)) })
    }
  }
}
