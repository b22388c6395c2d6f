/// A reason calibration cannot be collected or used.
public enum CalibrationError: Error, Equatable, Sendable {
  /// The file is no calibration file of a version this program knows.
  case notACalibration(path: String)
  /// The statistics were collected on another model.
  case wrongModel(path: String)
  /// The file lacks what a site of the model needs, or has it in another shape.
  case unusableInput(path: String, name: String)
  /// A model's activations, or a file's statistics, hold an infinity or no number.
  case notFinite(name: String)
  /// The calibration text is the evaluation text or a part of it, or holds all of it.
  case sameText
  /// The model has no linear site to calibrate.
  case noInputs
}
