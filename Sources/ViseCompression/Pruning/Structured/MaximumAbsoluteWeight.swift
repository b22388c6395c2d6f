public import ViseTensor

/// Scores the neurons of a gated layer by the largest magnitudes of their gate and up weights (MAW).
///
/// Martra, "Fragile Knowledge, Robust Instruction-Following: The Width Pruning Dichotomy in
/// Llama-3.2" (arXiv:2512.22671): s = max |gate| + max |up| over a neuron's incoming weights.
public struct MaximumAbsoluteWeight: Sendable {
  public init() {}

  /// The score of each row that all of `incoming` share.
  public func scores(_ incoming: [Matrix]) -> [Float] {
    rowScores(incoming, combine: +) { values in
      values.reduce(0) { max($0, abs($1)) }
    }
  }
}

/// A number for each row of each of `weights`, combined over the weights.
func rowScores(
  _ weights: [Matrix], combine: (Float, Float) -> Float,
  score: (UnsafeBufferPointer<Float>) -> Float
) -> [Float] {
  let lists = weights.map { weight in
    withExtendedLifetime(weight) {
      (0..<weight.rows).map {
        score(UnsafeBufferPointer(start: weight.row($0), count: weight.columns))
      }
    }
  }
  guard let first = lists.first else { return [] }
  return lists.dropFirst().reduce(first) { zip($0, $1).map(combine) }
}
