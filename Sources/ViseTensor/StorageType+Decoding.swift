import CViseKernels

/// A reason stored elements cannot be decoded.
public enum DecodingError: Error, Equatable, Sendable {
  /// Vise cannot decode the type.
  case unsupportedType(StorageType)
  /// The elements are no whole number of blocks.
  case partialBlock(elements: Int, blockLength: Int)
  /// The source is not as long as its elements need.
  case wrongByteCount(expected: Int, found: Int)
}

extension StorageType {
  /// Whether `decode` can turn the type into floats: every type that files hold.
  public var isDecodable: Bool {
    switch self {
    case .q8_1, .q8_K: false
    default: true
    }
  }

  /// Decodes as many elements as `destination` holds, exactly as the GGUF format defines them.
  ///
  /// `source` must be exactly their bytes, at any alignment. Integers and doubles are rounded to
  /// the nearest float. Allocates nothing and may run on any thread.
  public func decode(
    _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(DecodingError) {
    guard isDecodable else { throw .unsupportedType(self) }
    guard let expected = byteCount(elements: destination.count) else {
      throw .partialBlock(elements: destination.count, blockLength: blockLength)
    }
    guard source.count == expected else {
      throw .wrongByteCount(expected: expected, found: source.count)
    }
    guard let bytes = source.baseAddress, let values = destination.baseAddress else { return }
    guard vise_ggml_decode(rawValue, bytes, values, Int64(destination.count)) == 0 else {
      throw .unsupportedType(self)
    }
  }
}
