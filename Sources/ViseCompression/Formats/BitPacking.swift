import ViseTensor

/// Codes of 1 to 8 bits side by side, low bits first; each row begins at a byte.
enum BitPacking {
  static func pack(_ codes: ByteBuffer, rows: Int, columns: Int, bits: Int, into packed: ByteBuffer)
  {
    let rowBytes = (columns * bits + 7) / 8
    for row in 0..<rows {
      let source = codes.slice(row * columns, count: columns)
      let target = packed.slice(row * rowBytes, count: rowBytes)
      var buffer: UInt32 = 0
      var filled = 0
      var next = 0
      for column in 0..<columns {
        buffer |= UInt32(source[column]) << UInt32(filled)
        filled += bits
        while filled >= 8 {
          target[next] = UInt8(truncatingIfNeeded: buffer)
          buffer >>= 8
          filled -= 8
          next += 1
        }
      }
      if filled > 0 { target[next] = UInt8(truncatingIfNeeded: buffer) }
    }
  }

  /// The codes of one row, whose length is that of `codes`.
  static func unpack(_ packed: ByteBuffer, row: Int, bits: Int, into codes: inout [UInt8]) {
    let rowBytes = (codes.count * bits + 7) / 8
    let source = packed.slice(row * rowBytes, count: rowBytes)
    let mask = UInt32((1 << bits) - 1)
    var buffer: UInt32 = 0
    var filled = 0
    var next = 0
    for column in codes.indices {
      while filled < bits {
        buffer |= UInt32(source[next]) << UInt32(filled)
        filled += 8
        next += 1
      }
      codes[column] = UInt8(buffer & mask)
      buffer >>= UInt32(bits)
      filled -= bits
    }
  }
}
