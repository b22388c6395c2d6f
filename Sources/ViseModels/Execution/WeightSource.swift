public import ViseTensor

/// Where an executor gets decoded weights from, by their key in the checkpoint.
public protocol WeightSource: Sendable {
  /// The weight as rows × columns; a vector is one row.
  func weight(_ key: String) throws -> Matrix

  /// The type activations are rounded to before they meet `key`; `nil` leaves them as they are.
  func activationType(for key: String) -> StorageType?
}

extension WeightSource {
  public func activationType(for key: String) -> StorageType? { nil }
}
