import CZlib

/// Deflated bytes of a known size (RFC 1951), by zlib.
enum Inflate {
  /// Window bits of deflate without a header, as archives have it.
  static let bare: Int32 = -15
  /// Window bits of one gzip member, whose checksum zlib checks.
  static let gzip: Int32 = 31

  /// `nil` unless all of `bytes` make exactly `byteCount` bytes.
  ///
  /// - Precondition: neither size is beyond 32 bits.
  static func bytes(
    _ bytes: UnsafeRawBufferPointer, byteCount: Int, windowBits: Int32
  ) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: byteCount)
    let isWhole = result.withUnsafeMutableBufferPointer { target in
      var stream = z_stream()
      stream.next_in = UnsafeMutablePointer(
        mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(bytes.count)
      stream.next_out = target.baseAddress
      stream.avail_out = UInt32(target.count)
      let size = Int32(MemoryLayout<z_stream>.size)
      guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, size) == Z_OK else { return false }
      defer { inflateEnd(&stream) }
      return inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0
        && stream.avail_in == 0
    }
    return isWhole ? result : nil
  }
}
