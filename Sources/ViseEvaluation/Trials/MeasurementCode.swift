/// The version of all that turns a plan and a text into a figure.
enum MeasurementCode {
  /// Raised whenever a plan measures otherwise than before on the same text: trials of other
  /// versions are kept, and not learned from.
  static let version = "5"
}
