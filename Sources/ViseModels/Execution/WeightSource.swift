import ViseCompression
public import ViseTensor

/// Where an executor gets decoded weights from, by their key in the checkpoint.
public protocol WeightSource: Sendable {
  /// The weight as rows × columns; a vector is one row.
  func weight(_ key: String) throws -> Matrix

  /// The rows of the table `key` that `tokens` name, in their order.
  ///
  /// - Throws: `ModelError.tokenOutOfRange` for tokens the table has no row for.
  func rows(of tokens: [Int32], in key: String) throws -> Matrix

  /// The type activations are rounded to before they meet `key`; `nil` leaves them as they are.
  func activationType(for key: String) -> StorageType?
}

extension WeightSource {
  public func activationType(for key: String) -> StorageType? { nil }

  public func rows(of tokens: [Int32], in key: String) throws -> Matrix {
    let table = try weight(key)
    return table.rows(at: try places(of: tokens, rows: table.rows))
  }

  /// The rows of a table of so many that `tokens` name.
  func places(of tokens: [Int32], rows: Int) throws(ModelError) -> [Int] {
    for token in tokens where token < 0 || token >= rows {
      throw .tokenOutOfRange(token: Int(token), vocabulary: rows)
    }
    return tokens.map { Int($0) }
  }
}
