public import ViseTensor

extension NumberFormat {
  /// Encodes rows of a weight; see `StorageType.encode`.
  ///
  /// `values` are `rows` × `columns` numbers and `destination` is exactly
  /// `byteCount(rows:columns:)` bytes. Rows are independent: a caller may hand ranges of them to
  /// different threads. `importance` has one weight per column.
  public func encode(
    _ values: UnsafeBufferPointer<Float>, rows: Int, columns: Int,
    into destination: UnsafeMutableRawBufferPointer, importance: UnsafeBufferPointer<Float>? = nil
  ) throws(EncodingError) {
    switch self {
    case .ggml(let type):
      try type.encode(
        values, rows: rows, columns: columns, into: destination, importance: importance)
    }
  }

  /// Decodes rows of a weight; exactly the values every reader of the exported file computes.
  public func decode(
    _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(DecodingError) {
    switch self {
    case .ggml(let type): try type.decode(source, into: destination)
    }
  }
}
