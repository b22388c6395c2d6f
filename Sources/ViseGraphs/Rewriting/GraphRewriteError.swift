/// Why a graph cannot be made one that computes the same with other weights.
public enum GraphRewriteError: Error, Hashable, Sendable {
  /// No two layers have only positively homogeneous operations between them.
  case nothingToEqualize
  /// No layer normalization is read by linear layers alone.
  case nothingToSmooth
  /// The calibration has no statistics of this site's inputs.
  case needsCalibration(String)
}
