/// Byte-pair encoding over bytes, as GPT-2 introduced it.
struct ByteLevelBPE: FragmentEncoder {
  let vocabulary: Vocabulary
  let preTokenizer: PreTokenizer
  let merges: MergeTable
  /// The symbol each byte starts as.
  private let byteSymbols: [Int32]
  /// Words that are tokens are taken whole, whatever the merges say.
  let ignoresMerges: Bool
  /// A space goes before a text that does not begin with whitespace.
  let addsPrefixSpace: Bool

  init(
    vocabulary: Vocabulary, merges: MergeTable, preTokenizer: PreTokenizer, ignoresMerges: Bool,
    addsPrefixSpace: Bool = false
  ) {
    self.vocabulary = vocabulary
    self.preTokenizer = preTokenizer
    self.ignoresMerges = ignoresMerges
    self.addsPrefixSpace = addsPrefixSpace
    var merges = merges
    byteSymbols = (0..<256).map { byte in
      ByteAlphabet.encode(CollectionOfOne(UInt8(byte))).withUnsafeBytes {
        merges.symbol($0, in: vocabulary)
      }
    }
    self.merges = merges
  }

  func encode(
    _ text: UnsafeRawBufferPointer, context: FragmentContext, into output: inout [Int32]
  ) {
    if addsPrefixSpace, let first = text.first, first != UInt8(ascii: " ") {
      let prefixed = [UInt8(ascii: " ")] + Array(text)
      prefixed.withUnsafeBytes { encodeChunks(of: $0, limit: context.limit, into: &output) }
    } else {
      encodeChunks(of: text, limit: context.limit, into: &output)
    }
  }

  /// Takes a long text an eighth of a megabyte at a time, which bounds the memory it needs, until
  /// there are `limit` ids.
  ///
  /// Every pattern ends a word between a letter and a space that comes before a letter.
  private func encodeChunks(
    of text: UnsafeRawBufferPointer, limit: Int, into output: inout [Int32]
  ) {
    var start = 0
    while start < text.count, output.count < limit {
      var end = min(start + Self.chunkSize, text.count)
      while end < text.count, !Self.isWordBoundary(end, in: text) { end += 1 }
      encode(ScalarText(UnsafeRawBufferPointer(rebasing: text[start..<end])), into: &output)
      start = end
    }
  }

  private static let chunkSize = 1 << 17

  private static func isWordBoundary(_ index: Int, in text: UnsafeRawBufferPointer) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    return text[index] == UInt8(ascii: " ") && isLetter(text[index - 1])
      && index + 1 < text.count && isLetter(text[index + 1])
  }

  private func encode(_ text: ScalarText, into output: inout [Int32]) {
    var cache = WordCache()
    var symbols: [Int32] = []
    text.bytes.withUnsafeBytes { bytes in
      preTokenizer.forEachWord(in: text) { word in
        cache.append(
          text.starts[word.lowerBound]..<text.starts[word.upperBound], of: bytes, to: &output
        ) { word, output in
          encode(word: word, scratch: &symbols, into: &output)
        }
      }
    }
  }

  private func encode(
    word: UnsafeRawBufferPointer, scratch symbols: inout [Int32], into output: inout [Int32]
  ) {
    if ignoresMerges, let whole = vocabulary.table.find(ByteAlphabet.encode(word)) {
      output.append(whole)
      return
    }
    symbols.removeAll(keepingCapacity: true)
    for byte in word { symbols.append(byteSymbols[Int(byte)]) }
    merges.merge(&symbols)
    for symbol in symbols {
      if symbol < vocabulary.count {
        output.append(symbol)
      } else {
        appendParts(of: merges.extraTexts[Int(symbol) - vocabulary.count], to: &output)
      }
    }
  }

  /// A symbol that is no token is spelled byte by byte; bytes that are no tokens are dropped.
  private func appendParts(of text: [UInt8], to output: inout [Int32]) {
    for byte in text {
      if let id = vocabulary.table.find([byte]) { output.append(id) }
    }
  }
}
