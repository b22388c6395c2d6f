/// SentencePiece's byte-pair encoding: the highest-scored token that two neighbours form, first.
struct SentencePieceBPE: FragmentEncoder {
  let vocabulary: Vocabulary
  let addsSpacePrefix: Bool
  /// Pairs of characters that some token has side by side; no merge crosses any other pair.
  private let pairs: PairTable
  private let byteTokens: [Int32?]
  private let unknown: Int32?

  init(vocabulary: Vocabulary, addsSpacePrefix: Bool, unknown: Int32?) {
    self.vocabulary = vocabulary
    self.addsSpacePrefix = addsSpacePrefix
    self.unknown = unknown
    byteTokens = (0..<256).map {
      vocabulary.byteToken(UInt8($0)) ?? vocabulary.table.find([UInt8($0)])
    }
    var pairs = PairTable(minimumCapacity: vocabulary.count)
    for id in 0..<Int32(vocabulary.count) {
      vocabulary.bytes(of: id).withUnsafeBytes { text in
        forEachCharacterPair(of: text) { left, right, _ in
          pairs.insert(left, right, rank: 0, result: 0)
        }
      }
    }
    self.pairs = pairs
  }

  func encode(
    _ text: UnsafeRawBufferPointer, context: FragmentContext, into output: inout [Int32]
  ) {
    var escaped: [UInt8] = []
    escaped.reserveCapacity(text.count + text.count / 2)
    if addsSpacePrefix, context.followsToken { escaped += spaceBlock }
    for byte in text {
      if byte == UInt8(ascii: " ") {
        escaped += spaceBlock
      } else {
        escaped.append(byte)
      }
    }
    var cache = WordCache()
    escaped.withUnsafeBytes { bytes in
      var start = 0
      forEachCharacterPair(of: bytes) { left, right, boundary in
        guard pairs.find(left, right) == nil else { return }
        cache.append(start..<boundary, of: bytes, to: &output, encode: encode(segment:into:))
        start = boundary
      }
      cache.append(start..<bytes.count, of: bytes, to: &output, encode: encode(segment:into:))
    }
  }

  private func encode(segment: UnsafeRawBufferPointer, into output: inout [Int32]) {
    if let whole = wholeToken(segment) {
      output.append(whole)
      return
    }
    var starts: [Int] = []
    var offset = 0
    while offset < segment.count {
      starts.append(offset)
      offset += characterLength(segment[offset])
    }
    starts.append(segment.count)
    let chain = merge(segment, starts: &starts)
    for index in chain.alive {
      let end = chain.next[index] < starts.count - 1 ? starts[chain.next[index]] : segment.count
      let symbol = UnsafeRawBufferPointer(rebasing: segment[starts[index]..<end])
      if let id = vocabulary.table.find(symbol) {
        output.append(id)
      } else {
        for byte in symbol {
          if let id = byteTokens[Int(byte)] ?? unknown { output.append(id) }
        }
      }
    }
  }

  /// A segment of one character that is a token needs no merging.
  private func wholeToken(_ segment: UnsafeRawBufferPointer) -> Int32? {
    guard let first = segment.first, characterLength(first) >= segment.count else { return nil }
    return vocabulary.table.find(segment)
  }

  private func merge(_ segment: UnsafeRawBufferPointer, starts: inout [Int]) -> SymbolChain {
    let count = starts.count - 1
    var chain = SymbolChain(count: count)
    var heap = MergeHeap()
    func end(_ index: Int) -> Int {
      chain.next[index] < count ? starts[chain.next[index]] : segment.count
    }
    func push(_ left: Int) {
      guard left >= 0, chain.next[left] < count else { return }
      let right = chain.next[left]
      let range = starts[left]..<end(right)
      if let id = vocabulary.table.find(UnsafeRawBufferPointer(rebasing: segment[range])) {
        heap.push(
          MergeHeap.Candidate(
            priority: Double(vocabulary.scores[Int(id)]), left: left, right: right,
            check: range.count))
      }
    }
    for index in 0..<max(count - 1, 0) { push(index) }
    while let candidate = heap.pop() {
      let (left, right) = (candidate.left, candidate.right)
      guard chain.isAlive(left), chain.isAlive(right),
        end(right) - starts[left] == candidate.check
      else { continue }
      chain.remove(right)
      push(chain.previous[left])
      push(left)
    }
    return chain
  }
}

/// Calls `body` with each two neighbouring characters, packed, and where the second begins.
///
/// Characters are cut by their first byte alone, as llama.cpp cuts them.
@inline(__always)
private func forEachCharacterPair(
  of text: UnsafeRawBufferPointer, _ body: (Int32, Int32, Int) -> Void
) {
  func packed(_ start: Int, _ end: Int) -> Int32 {
    // Two four-byte characters with equal hashes only make a cut less, never a cut more.
    var value: UInt32 = 0
    for index in start..<end { value = value << 8 | UInt32(text[index]) }
    return Int32(bitPattern: value & 0x7FFF_FFFF)
  }
  guard let first = text.first else { return }
  var start = min(characterLength(first), text.count)
  var left = packed(0, start)
  while start < text.count {
    let end = min(start + characterLength(text[start]), text.count)
    let right = packed(start, end)
    body(left, right, start)
    left = right
    start = end
  }
}
