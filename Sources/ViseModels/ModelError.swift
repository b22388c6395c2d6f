public import ViseCompression

/// A reason a checkpoint cannot be run as a model.
public enum ModelError: Error, Equatable, Sendable {
  /// The architecture is none Vise can run; its layers can still be browsed.
  case unsupportedArchitecture(String)
  /// A metadata key is missing or has a value that makes no sense.
  case invalidMetadata(key: String, reason: String)
  /// The graph needs a weight the checkpoint does not have.
  case missingWeight(String)
  /// A weight's shape is not what the configuration says.
  case shapeMismatch(weight: String, expected: [Int], found: [Int])
  /// A weight is stored in a type Vise cannot decode.
  case undecodable(weight: String, type: String)
  /// A site cannot be treated as planned.
  case treatmentFailed(site: String, treatment: String, reason: CompressionError)
  /// A token id lies outside the vocabulary.
  case tokenOutOfRange(token: Int, vocabulary: Int)
}
