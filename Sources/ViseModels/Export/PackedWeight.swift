import ViseCompression
import ViseTensor

/// An integer weight as compressed-tensors' `pack-quantized` format has it.
///
/// `weight_packed` I32 [rows, ⌈columns·b/32⌉]: codes as unsigned numbers, low bits first, which are
/// our rows padded to whole words. `weight_scale` F16 [rows, spans]. `weight_zero_point`, where
/// asymmetric, I32 [⌈rows·b/32⌉, spans]: zero points of consecutive rows share a word.
/// `weight_shape` I64 [2].
struct PackedWeight {
  /// In the order above.
  let buffers: [ByteBuffer]

  /// - Parameter site: dense and stored in integers of 4 or 8 bits.
  init(_ site: CompressedSite, order: RowOrder) {
    guard case .dense(let encoded) = site.storage, case .integer(let format) = site.format else {
      preconditionFailure("the layout admits only integers")
    }
    var buffers = [
      Self.rows(of: encoded.bytes("codes"), encoded.rows, order: order, multiple: 4),
      Self.rows(of: encoded.bytes("scales"), encoded.rows, order: order, multiple: 1),
    ]
    if !format.isSymmetric {
      let zeros = Self.rows(of: encoded.bytes("zeros"), encoded.rows, order: order, multiple: 1)
      buffers.append(Self.packDown(zeros, rows: encoded.rows, bits: format.bits))
    }
    let shape = ByteBuffer(count: 16)
    for (index, length) in [encoded.rows, encoded.columns].enumerated() {
      shape.storage.storeBytes(
        of: Int64(length).littleEndian, toByteOffset: 8 * index, as: Int64.self)
    }
    self.buffers = buffers + [shape]
  }

  static func wordCount(_ codes: Int, bits: Int) -> Int { (codes * bits + 31) / 32 }

  /// The rows of `part` in `order`, each padded to a multiple of bytes.
  private static func rows(
    of part: ByteBuffer, _ rows: Int, order: RowOrder, multiple: Int
  ) -> ByteBuffer {
    let length = part.count / max(rows, 1)
    let padded = (length + multiple - 1) / multiple * multiple
    let result = ByteBuffer(count: rows * padded)
    for row in 0..<rows {
      result.slice(row * padded, count: length).copyMemory(
        from: UnsafeRawBufferPointer(part.slice(order.source(of: row) * length, count: length)))
    }
    return result
  }

  /// Bytes [rows, spans] of `bits` bits as words along the rows.
  private static func packDown(_ zeros: ByteBuffer, rows: Int, bits: Int) -> ByteBuffer {
    let spans = zeros.count / max(rows, 1)
    let result = ByteBuffer(count: wordCount(rows, bits: bits) * spans * 4)
    let codesPerByte = 8 / bits
    for row in 0..<rows {
      // Codes of 4 and 8 bits never straddle bytes.
      let (byte, place) = row.quotientAndRemainder(dividingBy: codesPerByte)
      let (word, lane) = byte.quotientAndRemainder(dividingBy: 4)
      for span in 0..<spans {
        let code = zeros.storage[row * spans + span]
        result.storage[(word * spans + span) * 4 + lane] |= code << UInt8(place * bits)
      }
    }
    return result
  }
}
