/// A reason an evaluation cannot be run.
public enum EvaluationError: Error, Equatable, Sendable {
  /// The text has fewer tokens than one window or probe sequence.
  case textTooShort(tokens: Int, needed: Int)
}
