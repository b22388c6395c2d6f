import ViseTensor

/// The accumulator a sum of integer products needs so that it can never overflow.
///
/// A2Q (Colbert, Pappalardo and Petri-Koenig, arXiv:2308.13504, eq. 11): weights q and inputs of N
/// bits stay within P bits where ‖q‖₁ ≤ (2^(P−1) − 1) · 2^(signed(x) − N). Spans of a row with
/// scales of their own are summed apart, so the widest span decides.
public enum AccumulatorWidth {
  /// The least P for weights whose magnitudes add up to `codeNorm`.
  public static func bits(codeNorm: Int, activationBits: Int, isSigned: Bool = true) -> Int {
    precondition(codeNorm >= 0 && (1...32).contains(activationBits))
    let largest = codeNorm << (activationBits - (isSigned ? 1 : 0))
    return 1 + (Int.bitWidth - largest.leadingZeroBitCount)
  }

  /// The largest ‖q‖₁ that stays within an accumulator of `bits`.
  public static func largestCodeNorm(
    bits: Int, activationBits: Int, isSigned: Bool = true
  ) -> Int {
    precondition((2...62).contains(bits) && (1...32).contains(activationBits))
    return ((1 << (bits - 1)) - 1) >> (activationBits - (isSigned ? 1 : 0))
  }
}

extension IntegerFormat {
  /// The largest ‖q − z‖₁ of any span of `encoded`.
  public func largestCodeNorm(of encoded: EncodedWeight) -> Int {
    let length = spanLength(columns: encoded.columns)
    let spans = spanCount(columns: encoded.columns)
    let zeros = isSymmetric ? nil : encoded.bytes("zeros")
    let codes = encoded.bytes("codes")
    var row = [UInt8](repeating: 0, count: encoded.columns)
    var largest = 0
    for index in 0..<encoded.rows {
      BitPacking.unpack(codes, row: index, bits: codeBits, into: &row)
      for span in 0..<spans {
        let place = granularity == .tensor ? 0 : index * spans + span
        let zero = zeros.map { Int($0.storage[place]) } ?? (1 << (bits - 1))
        let range = span * length..<min((span + 1) * length, encoded.columns)
        largest = max(largest, range.reduce(0) { $0 + abs(Int(row[$1]) - zero) })
      }
    }
    return largest
  }
}

extension CompressedSite {
  /// Bits of an accumulator that no inputs of `activationBits` can overflow; `nil` for formats
  /// that are no integers.
  public func accumulatorBits(activationBits: Int) -> Int? {
    guard case .integer(let integer) = format else { return nil }
    return storage.weights.map {
      AccumulatorWidth.bits(
        codeNorm: integer.largestCodeNorm(of: $0), activationBits: activationBits)
    }.max()
  }
}
