/// SentencePiece's compiled normalisation rules: what a prefix of a text is replaced by.
///
/// A double array (each cell packs a label, an offset and a leaf mark, XOR-linked) followed by the
/// replacements, each ended by a zero byte.
struct CharacterMap: Sendable {
  private let cells: [UInt32]
  private let replacements: [UInt8]

  /// Reads a `precompiled_charsmap`; `nil` where it is not one.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 4 else { return nil }
    let size = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
    guard size % 4 == 0, size > 0, size < bytes.count - 4 else { return nil }
    cells = (0..<(size / 4)).map {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 + $0 * 4, as: UInt32.self))
    }
    replacements = Array(bytes[(4 + size)...])
  }

  /// Calls `body` with the length and the replacement of every rule that a prefix of the text
  /// from `start` on meets, shortest first.
  func forEachMatch(
    in text: UnsafeRawBufferPointer, from start: Int, _ body: (Int, ArraySlice<UInt8>) -> Void
  ) {
    var node = Self.offset(cells[0])
    for index in start..<text.count {
      let byte = UInt32(text[index])
      guard byte != 0 else { return }
      node ^= byte
      guard node < cells.count else { return }
      let cell = cells[Int(node)]
      guard cell & (1 << 31 | 0xFF) == byte else { return }
      node ^= Self.offset(cell)
      if cell >> 8 & 1 == 1 {
        guard node < cells.count, let found = replacement(at: Int(cells[Int(node)] & 0x7FFF_FFFF))
        else { return }
        body(index - start + 1, found)
      }
    }
  }

  private func replacement(at start: Int) -> ArraySlice<UInt8>? {
    guard start < replacements.count,
      let end = replacements[start...].firstIndex(of: 0)
    else { return nil }
    return replacements[start..<end]
  }

  private static func offset(_ cell: UInt32) -> UInt32 {
    (cell >> 10) << ((cell & 1 << 9) >> 6)
  }
}
