/// A reason a site cannot be treated as asked.
public enum CompressionError: Error, Hashable, Sendable {
  /// The treatment does not suit the site; the text says why.
  case unsuitable(String)
  /// The method needs statistics of the site's inputs, and there are none.
  case needsCalibration(method: String)
  /// The statistics are of inputs of another width.
  case wrongCalibrationWidth(expected: Int, found: Int)
  /// Linear algebra failed on the site's statistics.
  case numericalFailure(String)
}
