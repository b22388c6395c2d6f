import CViseKernels

/// A reason values cannot be encoded as asked.
public enum EncodingError: Error, Equatable, Sendable {
  /// Vise cannot encode the type.
  case unsupportedType(StorageType)
  /// The rows are no whole number of blocks.
  case unevenRows(columns: Int, blockLength: Int)
  /// There are not rows × columns values.
  case wrongValueCount(expected: Int, found: Int)
  /// The destination is not as long as the encoded rows.
  case wrongByteCount(expected: Int, found: Int)
  /// There is not one importance per column.
  case wrongImportanceCount(expected: Int, found: Int)
}

extension StorageType {
  /// Whether `encode` can write the type.
  public var isEncodable: Bool {
    switch self {
    case .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: true
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS, .mxfp4: true
    case .iq3_S, .iq3_XXS, .iq2_S, .iq2_XS, .iq2_XXS, .iq1_M, .iq1_S, .tq1_0, .tq2_0: true
    default: false
    }
  }

  /// Encodes rows of a matrix so that the squared error of the values they decode to is small.
  ///
  /// `destination` must be exactly the encoded rows. With `importance`, one weight per column, the
  /// errors are weighed by it; a block whose importance is all zero counts as important throughout.
  /// NaN becomes 0, and values no half float reaches (for BF16: no finite BF16) are clamped, so
  /// whatever is written is finite. A row's bytes depend on that row alone: callers may split a
  /// matrix over threads. Allocates nothing.
  public func encode(
    _ values: UnsafeBufferPointer<Float>, rows: Int, columns: Int,
    into destination: UnsafeMutableRawBufferPointer, importance: UnsafeBufferPointer<Float>? = nil
  ) throws(EncodingError) {
    guard isEncodable else { throw .unsupportedType(self) }
    precondition(rows >= 0 && columns >= 0, "a matrix has no negative side")
    guard columns % blockLength == 0 else {
      throw .unevenRows(columns: columns, blockLength: blockLength)
    }
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard !overflow, values.count == count else {
      throw .wrongValueCount(expected: overflow ? .max : count, found: values.count)
    }
    let expected = byteCount(elements: count) ?? .max
    guard destination.count == expected else {
      throw .wrongByteCount(expected: expected, found: destination.count)
    }
    if let importance, importance.count != columns {
      throw .wrongImportanceCount(expected: columns, found: importance.count)
    }
    guard count > 0, let source = values.baseAddress, let bytes = destination.baseAddress else {
      return
    }
    let status = vise_ggml_encode_rows(
      rawValue, source, bytes, Int64(rows), Int64(columns), importance?.baseAddress)
    guard status == 0 else { throw .unsupportedType(self) }
  }
}
