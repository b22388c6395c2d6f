import ViseCompression
import ViseTensor

/// Weights of integer formats in the ggml type that has their levels, so that decoding multiplies
/// them packed.
///
/// Codes stay the same integers, less the zero point, and scales the same half floats, once for each
/// block of 32. Levels of fewer bits than the type's leave some of it unused.
enum PackedIntegers {
  private static let block = 32

  /// The type that holds a row of `columns` weights of `format`; `nil` where none does.
  static func type(of format: NumberFormat, columns: Int) -> StorageType? {
    guard case .integer(let format) = format, columns % block == 0,
      format.spanLength(columns: columns) % block == 0
    else { return nil }
    // A zero point takes codes as far down as they reach up.
    switch format.bits + (format.isSymmetric ? 0 : 1) {
    case ...4: return .q4_0
    case 5: return .q5_0
    case ...8: return .q8_0
    default: return nil
    }
  }

  /// The rows of `encoded`, which is of `format`, as `type(of:columns:)` has them.
  static func rows(
    _ encoded: EncodedWeight, format: NumberFormat, work: RowWork
  ) throws -> WeightRows? {
    guard case .integer(let integer) = format,
      let type = type(of: format, columns: encoded.columns),
      let rowByteCount = type.byteCount(elements: encoded.columns)
    else { return nil }
    let columns = encoded.columns
    let spanLength = integer.spanLength(columns: columns)
    let spans = integer.spanCount(columns: columns)
    let scales = integer.load(encoded, spans: spans).parameters
    let values = try format.codec.decode(encoded, work: work)
    let bytes = ByteBuffer(count: rowByteCount * encoded.rows)
    try work.forEachChunk(of: encoded.rows, length: 16) { range in
      withExtendedLifetime(values) {
        for row in range {
          let target = bytes.slice(row * rowByteCount, count: rowByteCount)
          let size = rowByteCount / (columns / block)
          for start in stride(from: 0, to: columns, by: block) {
            let scale = scales[row * spans + start / spanLength][0]
            write(
              codes(values.row(row) + start, scale), scale, as: type,
              into: UnsafeMutableRawBufferPointer(
                rebasing: target[(start / block * size)..<(start / block + 1) * size]))
          }
        }
      }
    }
    return WeightRows(source: .bytes(bytes), type: type, rows: encoded.rows, columns: columns)
  }

  /// The integers that `scale` makes a block of weights from.
  private static func codes(_ values: UnsafePointer<Float>, _ scale: Float) -> [Int] {
    (0..<block).map { scale == 0 ? 0 : Int((values[$0] / scale).rounded()) }
  }

  /// Writes one block: the scale, the fifth bits of q5_0, and the codes.
  private static func write(
    _ codes: [Int], _ scale: Float, as type: StorageType, into target: UnsafeMutableRawBufferPointer
  ) {
    target.storeBytes(of: Float16(scale).bitPattern.littleEndian, as: UInt16.self)
    switch type {
    case .q8_0:
      for (index, code) in codes.enumerated() {
        target[2 + index] = UInt8(bitPattern: Int8(clamping: code))
      }
    default:
      let low = type == .q5_0 ? 16 : 8
      let nibbles = type == .q5_0 ? 6 : 2
      let shifted = codes.map { UInt32(max(0, min($0 + low, 2 * low - 1))) }
      if type == .q5_0 {
        let fifths = shifted.enumerated().reduce(UInt32(0)) { $0 | ($1.1 >> 4) << UInt32($1.0) }
        target.storeBytes(of: fifths.littleEndian, toByteOffset: 2, as: UInt32.self)
      }
      for index in 0..<block / 2 {
        target[nibbles + index] = UInt8(shifted[index] & 15 | (shifted[index + 16] & 15) << 4)
      }
    }
  }
}
