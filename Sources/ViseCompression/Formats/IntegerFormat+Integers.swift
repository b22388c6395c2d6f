import ViseTensor

extension IntegerFormat {
  /// A stored weight as integers and the numbers that scale them.
  public struct Integers: Sendable {
    /// Rows × columns: signed codes where symmetric, from 0 where not.
    public let codes: [Int16]
    /// One a tensor, a row, or a span of a row.
    public let scales: [Float]
    /// As many as scales; empty where symmetric.
    public let zeros: [UInt8]
  }

  /// The codes, scales and zero points of `encoded`, which is in this format.
  public func integers(of encoded: EncodedWeight) -> Integers {
    let packed = encoded.bytes("codes")
    var row = [UInt8](repeating: 0, count: encoded.columns)
    var codes: [Int16] = []
    codes.reserveCapacity(encoded.rows * encoded.columns)
    for index in 0..<encoded.rows {
      BitPacking.unpack(packed, row: index, bits: bits, into: &row)
      codes.append(contentsOf: row.map { Int16($0) + Int16(low) })
    }
    let zeros = isSymmetric ? nil : encoded.bytes("zeros")
    return Integers(
      codes: codes, scales: encoded.halves("scales"),
      zeros: zeros.map { zeros in (0..<zeros.count).map { zeros.storage[$0] } } ?? [])
  }
}
