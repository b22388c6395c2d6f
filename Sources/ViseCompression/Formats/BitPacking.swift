import ViseTensor

/// Codes of 1 to 8 bits side by side, low bits first; each row begins at a byte.
enum BitPacking {
  /// Bytes of a row of `columns` codes.
  static func rowBytes(columns: Int, bits: Int) -> Int { (columns * bits + 7) / 8 }

  static func pack(
    _ codes: ByteBuffer, rows: Range<Int>, columns: Int, bits: Int, into packed: ByteBuffer
  ) {
    let rowBytes = rowBytes(columns: columns, bits: bits)
    for row in rows {
      GridKernels.pack(
        UnsafeRawBufferPointer(codes.slice(row * columns, count: columns)), bits: bits,
        into: packed.slice(row * rowBytes, count: rowBytes))
    }
  }

  /// The codes of one row, whose length is that of `codes`.
  static func unpack(_ packed: ByteBuffer, row: Int, bits: Int, into codes: inout [UInt8]) {
    let rowBytes = rowBytes(columns: codes.count, bits: bits)
    let source = packed.slice(row * rowBytes, count: rowBytes)
    codes.withUnsafeMutableBufferPointer {
      GridKernels.unpack(UnsafeRawBufferPointer(source), bits: bits, into: $0)
    }
  }
}
