public import ViseTensor

/// A file of the IDX format that MNIST and its kin come in, plain or compressed by gzip.
///
/// Two zero bytes, the element type, the number of dimensions, the dimensions as big-endian 32-bit
/// numbers, then the elements. Bytes are the only elements read.
public enum IDXFile {
  /// Whether what is at `path` begins as an IDX file or a gzip file does.
  public static func accepts(path: String) -> Bool {
    guard let file = try? MappedFile(path: path) else { return false }
    return file.withBytes { isCompressed($0) || $0.starts(with: [0, 0, 8]) }
  }

  /// The file's elements in its own shape.
  ///
  /// - Parameter byteLimit: bytes the elements may have, checked before memory is asked for.
  public static func read(path: String, byteLimit: Int) throws(ArrayFileError) -> Tensor {
    let file: MappedFile
    do throws(StorageError) {
      file = try MappedFile(path: path)
    } catch {
      throw ArrayFileError(file: path, reason: .unreadable(error))
    }
    do throws(ArrayFileError.Reason) {
      return try file.withBytes { (bytes) throws(ArrayFileError.Reason) in
        guard isCompressed(bytes) else { return try tensor(bytes, byteLimit: byteLimit) }
        let whole = ByteRegion(try inflated(bytes, byteLimit: byteLimit))
        return try whole.withBytes { (bytes) throws(ArrayFileError.Reason) in
          try tensor(bytes, byteLimit: byteLimit)
        }
      }
    } catch {
      throw ArrayFileError(file: path, reason: error)
    }
  }

  private static func isCompressed(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x1F, 0x8B])
  }

  private static func tensor(
    _ bytes: UnsafeRawBufferPointer, byteLimit: Int
  ) throws(ArrayFileError.Reason) -> Tensor {
    guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else {
      throw .invalidHeader("an IDX file begins with two zeros")
    }
    guard bytes[2] == 8 else { throw .unsupportedType("IDX type \(bytes[2])") }
    let rank = Int(bytes[3])
    let start = 4 + 4 * rank
    guard rank > 0, bytes.count >= start else { throw .invalidHeader("dimensions") }
    let shape = (0..<rank).map { dimension in
      (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * dimension + $1]) }
    }
    guard let count = Tensor.elementCount(of: shape) else { throw .invalidHeader("dimensions") }
    guard count == bytes.count - start else {
      throw .dataMismatch(expected: count, found: bytes.count - start)
    }
    guard count <= byteLimit else { throw .tooLarge(bytes: count, limit: byteLimit) }
    let result = Tensor(.uint8, shape)
    if count > 0, let base = bytes.baseAddress {
      result.storage.pointer.copyMemory(from: base + start, byteCount: count)
    }
    return result
  }

  /// The contents of one gzip member, whose size its last four bytes say.
  ///
  /// Deflate makes at most 1032 bytes of one, so a lying size is known before memory is asked for;
  /// zlib checks the checksum.
  private static func inflated(
    _ bytes: UnsafeRawBufferPointer, byteLimit: Int
  ) throws(ArrayFileError.Reason) -> [UInt8] {
    guard bytes.count >= 18, bytes.count <= Int(UInt32.max) else { throw .unreadableMember }
    let size = (0..<4).reduce(0) { $0 | Int(bytes[bytes.count - 4 + $1]) << (8 * $1) }
    guard size / 1032 <= bytes.count else { throw .unreadableMember }
    // The header beside the elements is small.
    guard size <= byteLimit + 1024 else { throw .tooLarge(bytes: size, limit: byteLimit) }
    guard let result = Inflate.bytes(bytes, byteCount: size, windowBits: Inflate.gzip) else {
      throw .unreadableMember
    }
    return result
  }
}
