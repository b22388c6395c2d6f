public import ViseTensor

/// Where an executor gets decoded weights from, by their key in the checkpoint.
public protocol WeightSource: Sendable {
  /// The weight as rows × columns; a vector is one row.
  func weight(_ key: String) throws -> Matrix
}
