extension StorageType {
  /// Where a block keeps the half floats that all its values are multiples of.
  ///
  /// `nil` for types without one: floats, types whose units are powers of two, and IQ1_M, whose
  /// unit lies in four pieces.
  private var unitOffsets: [Int]? {
    switch self {
    case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: [0]
    case .iq1_S, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S: [0]
    case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
    case .q2_K: [80, 82]
    case .q3_K: [108]
    case .q6_K: [208]
    case .tq1_0: [52]
    case .tq2_0: [64]
    default: nil
    }
  }

  /// Whether `scaleUnits` can be used.
  public var hasUnits: Bool { unitOffsets != nil || self == .iq1_M }

  /// Multiplies the values that encoded `blocks` decode to by `factor`, as nearly as half floats do.
  ///
  /// - Precondition: `hasUnits`, and `blocks` is a whole number of blocks.
  public func scaleUnits(of blocks: UnsafeMutableRawBufferPointer, by factor: Float) {
    precondition(hasUnits && blocks.count % blockByteCount == 0)
    for start in stride(from: 0, to: blocks.count, by: blockByteCount) {
      guard let offsets = unitOffsets else {
        scaleScatteredUnit(of: blocks, at: start + 48, by: factor)
        continue
      }
      for offset in offsets {
        let bits = blocks.loadUnaligned(fromByteOffset: start + offset, as: UInt16.self)
        blocks.storeBytes(
          of: Self.scaled(half: bits, by: factor), toByteOffset: start + offset, as: UInt16.self)
      }
    }
  }

  /// IQ1_M: the high four bits of the four words at `offset`, the lowest first.
  private func scaleScatteredUnit(
    of blocks: UnsafeMutableRawBufferPointer, at offset: Int, by factor: Float
  ) {
    let words = (0..<4).map {
      blocks.loadUnaligned(fromByteOffset: offset + 2 * $0, as: UInt16.self)
    }
    let bits = words.enumerated().reduce(UInt16(0)) { $0 | ($1.element >> 12) << (4 * $1.offset) }
    let scaled = Self.scaled(half: bits, by: factor)
    for (index, word) in words.enumerated() {
      let nibble = scaled >> (4 * UInt16(index)) & 15
      blocks.storeBytes(
        of: word & 0x0FFF | nibble << 12, toByteOffset: offset + 2 * index, as: UInt16.self)
    }
  }

  private static func scaled(half bits: UInt16, by factor: Float) -> UInt16 {
    let value = Float(Float16(bitPattern: bits)) * factor
    return Float16(min(max(value, -65_504), 65_504)).bitPattern
  }
}
