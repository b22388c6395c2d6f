/// What changes at several sites come to together, in nats.
///
/// Superposed features overshoot, for what one site breaks another cannot break again; divergences of
/// single sites added up undershoot, for changes that point the same way do more than both. The
/// geometric mean of the two lies between; `vise study predictor` tells how far off it is.
enum JointDivergence {
  /// Names the rule: predictions by another teach nothing about these.
  static let name = "geometric mean"

  /// - Parameters:
  ///   - superposed: mean KL of the superposed features.
  ///   - alone: the sum over sites of the mean KL of treating only it.
  static func mean(superposed: Double, alone: Double) -> Double {
    superposed > 0 && alone > 0 ? (superposed * alone).squareRoot() : superposed
  }
}
