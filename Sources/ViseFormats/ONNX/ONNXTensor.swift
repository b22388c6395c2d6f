public import ViseTensor

/// A tensor in an ONNX file; its data stays there where the file has it as plain bytes.
public struct ONNXTensor: Sendable {
  public let name: String
  public let type: ElementType
  public let shape: [Int]
  /// Little-endian elements without gaps; empty for strings.
  let data: ByteRegion

  /// - Parameter data: as many bytes as type and shape need.
  init(name: String, type: ElementType, shape: [Int], data: ByteRegion) {
    self.name = name
    self.type = type
    self.shape = shape
    self.data = data
  }

  /// A tensor of values in memory; those of 4 bits are packed.
  public init(name: String, _ tensor: Tensor) {
    precondition(tensor.type.bitCount >= 4)
    let bytes = withExtendedLifetime(tensor) {
      Array(UnsafeRawBufferPointer(start: tensor.storage.pointer, count: tensor.byteCount))
    }
    let isNarrow = tensor.type.bitCount < 8
    self.init(
      name: name, type: tensor.type, shape: tensor.shape,
      data: ByteRegion(isNarrow ? Self.packNibbles(bytes) : bytes))
  }

  private static func packNibbles(_ bytes: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: 2).map { index in
      bytes[index] & 15 | (index + 1 < bytes.count ? bytes[index + 1] << 4 : 0)
    }
  }

  /// Elements; a file that was read holds no tensor for which this overflows.
  public var elementCount: Int { shape.reduce(1, *) }

  /// Bytes in the file, with elements of fewer than 8 bits packed.
  public var byteCount: Int { data.count }

  /// Calls `body` with the bytes as the file has them, which must not outlive the call.
  public func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try data.withBytes(body)
  }

  /// The tensor in memory; mapped rather than copied where its bytes are aligned.
  ///
  /// `nil` for types that cannot be computed with.
  public var tensor: Tensor? {
    guard type.isComputable else { return nil }
    if type.bitCount >= 8, let storage = data.mappedStorage(alignment: type.byteCount) {
      return Tensor(type, shape, storage: storage)
    }
    let result = Tensor(type, shape)
    withBytes { bytes in
      if type.bitCount < 8 {
        Self.unpackNibbles(bytes, into: result)
      } else if result.byteCount > 0, let base = bytes.baseAddress {
        result.storage.pointer.copyMemory(from: base, byteCount: result.byteCount)
      }
    }
    return result
  }

  /// Two elements a byte, the first in the low half.
  private static func unpackNibbles(_ bytes: UnsafeRawBufferPointer, into tensor: Tensor) {
    let target = tensor.pointer(UInt8.self)
    for index in 0..<tensor.count {
      let nibble = index & 1 == 0 ? bytes[index / 2] & 15 : bytes[index / 2] >> 4
      target[index] =
        tensor.type == .int4 && nibble > 7 ? nibble | 0xF0 : nibble
    }
  }
}

extension ByteRegion {
  /// The bytes as a tensor's storage, where they are mapped and begin at a multiple of `alignment`.
  func mappedStorage(alignment: Int) -> TensorStorage? {
    guard let (file, range) = mapped, range.lowerBound % alignment == 0, !range.isEmpty else {
      return nil
    }
    return TensorStorage(file: file, range: range)
  }
}
