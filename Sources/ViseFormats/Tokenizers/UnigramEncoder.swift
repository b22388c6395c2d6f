/// A unigram language model over pieces: the most likely way to cut a text, found by Viterbi.
struct UnigramEncoder: FragmentEncoder {
  /// What is done to a text before it is cut.
  struct Normalization: Hashable, Sendable {
    var addsSpacePrefix = true
    var removesExtraSpaces = true
    var escapesSpaces = true
    /// The added space goes to the end.
    var spaceIsSuffix = false
  }

  let vocabulary: Vocabulary
  let normalization: Normalization
  let characterMap: CharacterMap?
  private let lattice: UnigramLattice
  private let userDefined: ByteTrie

  init(
    vocabulary: Vocabulary, normalization: Normalization, characterMap: CharacterMap?,
    unknown: Int32
  ) {
    self.vocabulary = vocabulary
    self.normalization = normalization
    self.characterMap = characterMap
    lattice = UnigramLattice(vocabulary: vocabulary, unknown: unknown)
    var trie = ByteTrie()
    for id in 0..<Int32(vocabulary.count) where vocabulary.kinds[Int(id)] == .userDefined {
      trie.insert(vocabulary.bytes(of: id), value: id)
    }
    userDefined = trie
  }

  init(_ source: GGUFTokenizer, vocabulary: Vocabulary) throws(TokenizerError) {
    guard let unknown = source.token("unknown_token_id", default: 2, in: vocabulary) else {
      throw .invalid("tokenizer.ggml.unknown_token_id")
    }
    var map: CharacterMap?
    if let value = source.metadata["tokenizer.ggml.precompiled_charsmap"] {
      guard let array = value.asArray, array.elementType == .uint8 || array.elementType == .int8
      else { throw .invalid("tokenizer.ggml.precompiled_charsmap") }
      if array.count > 0 {
        map = array.region.withBytes { CharacterMap($0) }
        guard map != nil else { throw .invalid("tokenizer.ggml.precompiled_charsmap") }
      }
    }
    let normalization = Normalization(
      addsSpacePrefix: source.flag("add_space_prefix", default: false),
      removesExtraSpaces: source.flag("remove_extra_whitespaces", default: false))
    self.init(
      vocabulary: vocabulary, normalization: normalization, characterMap: map, unknown: unknown)
  }

  func encode(
    _ text: UnsafeRawBufferPointer, context: FragmentContext, into output: inout [Int32]
  ) {
    let normalized = normalize(text)
    normalized.withUnsafeBytes { lattice.encode($0, into: &output) }
  }

  /// Replaces by the rules, then turns spaces into U+2581, merging and adding them as asked.
  func normalize(_ text: UnsafeRawBufferPointer) -> [UInt8] {
    let space = normalization.escapesSpaces ? spaceBlock : [UInt8(ascii: " ")]
    let prepends = normalization.addsSpacePrefix && !normalization.spaceIsSuffix
    var result: [UInt8] = []
    result.reserveCapacity(text.count * 2)
    var didPrepend = false
    var inWord = false
    var offset = 0
    while offset < text.count {
      let length = forEachNormalizedByte(of: text, at: offset) { byte in
        guard byte != UInt8(ascii: " ") else {
          inWord = false
          if !normalization.removesExtraSpaces { result += space }
          return
        }
        if !inWord {
          inWord = true
          if (prepends && !didPrepend) || normalization.removesExtraSpaces {
            result += space
            didPrepend = true
          }
        }
        result.append(byte)
      }
      offset += length
    }
    if normalization.addsSpacePrefix, normalization.spaceIsSuffix { result += space }
    return result
  }

  /// Calls `body` with the bytes that the text at `offset` becomes; returns the bytes used up.
  private func forEachNormalizedByte(
    of text: UnsafeRawBufferPointer, at offset: Int, _ body: (UInt8) -> Void
  ) -> Int {
    var length = 0
    userDefined.forEachPrefix(of: text, from: offset) { _, end in length = end - offset }
    if length > 0 {
      for byte in text[offset..<(offset + length)] { body(byte) }
      return length
    }
    var replacement: ArraySlice<UInt8> = []
    characterMap?.forEachMatch(in: text, from: offset) { matched, found in
      length = matched
      replacement = found
    }
    if length > 0 {
      for byte in replacement { body(byte) }
      return length
    }
    length = characterLength(text[offset])
    let (codePoint, valid) = lenientCodePoint(in: text, at: offset)
    if codePoint == 0xFFFD, valid == 1 {
      for byte in [0xEF, 0xBF, 0xBD] as [UInt8] { body(byte) }
      return 1
    }
    for byte in text[offset..<(offset + valid)] { body(byte) }
    return valid
  }
}

/// The pieces of a unigram vocabulary as a tree, and the search for the best path through a text.
struct UnigramLattice: Sendable {
  private let trie: ByteTrie
  private let scores: [Double]
  private let unknown: Int32
  private let unknownScore: Double
  /// The ids that spell each byte of an unknown character; empty without such a fallback.
  private let byteTokens: [Int32]

  /// A lattice over all of `vocabulary`, with exact scores, as a `tokenizer.json` has it.
  init(vocabulary: Vocabulary, scores: [Double], unknown: Int32, fallsBackToBytes: Bool) {
    var trie = ByteTrie()
    for id in 0..<Int32(vocabulary.count) {
      trie.insert(vocabulary.bytes(of: id), value: id)
    }
    self.trie = trie
    self.scores = scores
    self.unknown = unknown
    unknownScore = (scores.min() ?? 0) - 10
    let tokens = (0..<256).compactMap { vocabulary.byteToken(UInt8($0)) }
    byteTokens = fallsBackToBytes && tokens.count == 256 ? tokens : []
  }

  init(vocabulary: Vocabulary, unknown: Int32) {
    self.unknown = unknown
    var trie = ByteTrie()
    var lowest = Float.greatestFiniteMagnitude
    var scores = vocabulary.scores.map(Double.init)
    for id in 0..<Int32(vocabulary.count) {
      switch vocabulary.kinds[Int(id)] {
      case .normal:
        lowest = min(lowest, vocabulary.scores[Int(id)])
      case .userDefined:
        scores[Int(id)] = 0
      case .unused:
        break
      case .unknown, .control, .byte:
        continue
      }
      trie.insert(vocabulary.bytes(of: id), value: id)
    }
    self.trie = trie
    self.scores = scores
    unknownScore = Double(lowest - 10)
    byteTokens = []
  }

  /// Appends the ids of the best cut of `text`; neighbouring unknown characters share one id.
  func encode(_ text: UnsafeRawBufferPointer, into output: inout [Int32]) {
    guard !text.isEmpty else { return }
    var best = [Double](repeating: -.greatestFiniteMagnitude, count: text.count + 1)
    var ids = [Int32](repeating: unknown, count: text.count + 1)
    var starts = [Int](repeating: 0, count: text.count + 1)
    best[0] = 0
    var offset = 0
    while offset < text.count {
      let length = min(characterLength(text[offset]), text.count - offset)
      var isCovered = false
      let base = best[offset]
      func offer(_ id: Int32, _ score: Double, end: Int) {
        guard base + score > best[end] else { return }
        best[end] = base + score
        ids[end] = id
        starts[end] = offset
      }
      trie.forEachPrefix(of: text, from: offset) { id, end in
        if end - offset == length { isCovered = true }
        offer(id, scores[Int(id)], end: end)
      }
      if !isCovered { offer(unknown, unknownScore, end: offset + length) }
      offset += length
    }
    var path: [Int32] = []
    var end = text.count
    while end > 0 {
      if ids[end] == unknown, !byteTokens.isEmpty {
        path += text[starts[end]..<end].reversed().map { byteTokens[Int($0)] }
      } else if !(ids[end] == unknown && path.last == unknown) {
        path.append(ids[end])
      }
      end = starts[end]
    }
    output.append(contentsOf: path.reversed())
  }
}
