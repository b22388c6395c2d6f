/// Remembers where in a text a word was met before and which ids it gave there.
///
/// Of fixed size: a new word takes the place of another with the same slot. Words are kept as
/// places in the text and in the output, so nothing is copied.
struct WordCache {
  private struct Entry {
    var word: Range<Int> = 0..<0
    var ids: Range<Int> = 0..<0
  }

  private static let size = 1 << 15
  private static let longestWord = 64
  private var entries = [Entry](repeating: Entry(), count: size)

  /// Appends to `output` the ids of `text[word]`, from memory or from `encode`.
  @inline(__always)
  mutating func append(
    _ word: Range<Int>, of text: UnsafeRawBufferPointer, to output: inout [Int32],
    encode: (UnsafeRawBufferPointer, inout [Int32]) -> Void
  ) {
    let bytes = UnsafeRawBufferPointer(rebasing: text[word])
    guard bytes.count <= Self.longestWord else { return encode(bytes, &output) }
    let slot = Int(truncatingIfNeeded: hashBytes(bytes, seed: 0) & UInt64(Self.size - 1))
    let entry = entries[slot]
    if entry.word.count == bytes.count,
      equalBytes(UnsafeRawBufferPointer(rebasing: text[entry.word]), bytes)
    {
      for index in entry.ids { output.append(output[index]) }
      return
    }
    let start = output.count
    encode(bytes, &output)
    entries[slot] = Entry(word: word, ids: start..<output.count)
  }
}
