/// Byte-pair encoding over characters, as SentencePiece models are written in `tokenizer.json`.
struct CharacterBPE: PieceEncoder {
  let vocabulary: Vocabulary
  let merges: MergeTable
  /// Characters that are no tokens are spelled as bytes where all of these are tokens.
  let fallsBackToBytes: Bool
  /// Neighbouring unknown characters share one id.
  let fusesUnknown: Bool
  let ignoresMerges: Bool
  let unknown: Int32?

  func encode(_ piece: UnsafeRawBufferPointer, into output: inout [Int32]) {
    if ignoresMerges, let whole = vocabulary.table.find(piece) {
      output.append(whole)
      return
    }
    var symbols: [Int32] = []
    var offset = 0
    var wasUnknown = false
    while offset < piece.count {
      let end = min(offset + characterLength(piece[offset]), piece.count)
      let character = UnsafeRawBufferPointer(rebasing: piece[offset..<end])
      offset = end
      let isUnknown = !appendKnown(character, to: &symbols)
      if isUnknown, let unknown, !(fusesUnknown && wasUnknown) { symbols.append(unknown) }
      wasUnknown = isUnknown
    }
    merges.merge(&symbols)
    output.append(contentsOf: symbols.lazy.filter { $0 < vocabulary.count })
  }

  private func appendKnown(
    _ character: UnsafeRawBufferPointer, to symbols: inout [Int32]
  ) -> Bool {
    if let id = vocabulary.table.find(character) {
      symbols.append(id)
      return true
    }
    guard fallsBackToBytes else { return false }
    let bytes = character.compactMap { vocabulary.byteToken($0) }
    guard bytes.count == character.count else { return false }
    symbols += bytes
    return true
  }
}

/// Turns a piece of normalised text into ids.
protocol PieceEncoder: Sendable {
  func encode(_ piece: UnsafeRawBufferPointer, into output: inout [Int32])
}

/// Byte-level encoding as a `tokenizer.json` has it: it cuts its pieces into words itself.
extension ByteLevelBPE: PieceEncoder {
  func encode(_ piece: UnsafeRawBufferPointer, into output: inout [Int32]) {
    encode(piece, context: FragmentContext(), into: &output)
  }
}

/// A unigram model over pieces that are already normalised.
struct UnigramPieces: PieceEncoder {
  let lattice: UnigramLattice

  func encode(_ piece: UnsafeRawBufferPointer, into output: inout [Int32]) {
    lattice.encode(piece, into: &output)
  }
}

/// The steps of a `tokenizer.json`: normalise, find added tokens, cut, encode.
struct TokenizerPipeline: FragmentEncoder {
  let normalizers: [TextNormalizer]
  /// Added tokens that are looked for in the normalised text.
  let normalizedTokens: SpecialTokens
  let splitters: [PieceSplitter]
  let pieces: any PieceEncoder

  func encode(
    _ text: UnsafeRawBufferPointer, context: FragmentContext, into output: inout [Int32]
  ) {
    // The reference takes text, not bytes: what is no UTF-8 becomes U+FFFD first.
    var bytes = Array(String(decoding: text, as: UTF8.self).utf8)
    for normalizer in normalizers { bytes = normalizer.apply(bytes) }
    bytes.withUnsafeBytes { bytes in
      normalizedTokens.forEachFragment(of: bytes, parseControl: context.parseControl) { fragment in
        switch fragment {
        case .token(let id): output.append(id)
        case .text(let range):
          let isFirst = context.isFirst && range.lowerBound == 0
          var parts = [Array(bytes[range])]
          for splitter in splitters {
            parts = parts.enumerated().flatMap { index, part in
              splitter.split(part, isFirst: isFirst && index == 0)
            }
          }
          for part in parts { part.withUnsafeBytes { pieces.encode($0, into: &output) } }
        }
      }
    }
  }
}
