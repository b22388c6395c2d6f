/// Finds a model's special tokens in a text.
struct SpecialTokens: Sendable {
  /// One special token.
  struct Entry: Hashable, Sendable {
    let id: Int32
    let text: [UInt8]
    /// Recognised only when control tokens are to be read from the text.
    let isControl: Bool
    /// Whitespace before or after it is swallowed.
    var stripsLeft = false
    var stripsRight = false
    /// Found only where no letter or digit touches it.
    var isSingleWord = false
  }

  /// A part of a text.
  enum Fragment: Hashable {
    case token(Int32)
    case text(Range<Int>)
  }

  /// Which of two overlapping tokens is found.
  enum Precedence: Hashable, Sendable {
    /// The longer one, wherever it is: llama.cpp.
    case longest
    /// The one that begins first, then the longer one: Hugging Face tokenizers.
    case leftmost
  }

  private struct Match {
    var range: Range<Int>
    var entry: Int
  }

  let entries: [Entry]
  let precedence: Precedence
  private let trie: ByteTrie

  init(_ entries: [Entry], precedence: Precedence) {
    let usable = entries.filter { !$0.text.isEmpty }
    self.entries = usable
    self.precedence = precedence
    var trie = ByteTrie()
    for (index, entry) in usable.enumerated() { trie.insert(entry.text, value: Int32(index)) }
    self.trie = trie
  }

  /// Calls `body` with the tokens and the texts between them, in order.
  func forEachFragment(
    of text: UnsafeRawBufferPointer, parseControl: Bool, _ body: (Fragment) -> Void
  ) {
    var end = 0
    for match in matches(in: text, parseControl: parseControl) {
      let entry = entries[match.entry]
      var textEnd = match.range.lowerBound
      if entry.stripsLeft {
        while textEnd > end, isSpace(text[textEnd - 1]) { textEnd -= 1 }
      }
      if textEnd > end { body(.text(end..<textEnd)) }
      body(.token(entry.id))
      end = match.range.upperBound
      if entry.stripsRight {
        while end < text.count, isSpace(text[end]) { end += 1 }
      }
    }
    if end < text.count { body(.text(end..<text.count)) }
  }

  private func matches(in text: UnsafeRawBufferPointer, parseControl: Bool) -> [Match] {
    var found: [Match] = []
    for start in 0..<text.count {
      trie.forEachPrefix(of: text, from: start) { value, end in
        let entry = entries[Int(value)]
        guard parseControl || !entry.isControl else { return }
        if entry.isSingleWord, !standsAlone(start..<end, in: text) { return }
        found.append(Match(range: start..<end, entry: Int(value)))
      }
    }
    guard found.count > 1 else { return found }
    // Tokens of one length are taken from left to right, whatever their order.
    switch precedence {
    case .longest:
      found.sort {
        ($1.range.count, $0.entry, $0.range.lowerBound)
          < ($0.range.count, $1.entry, $1.range.lowerBound)
      }
    case .leftmost:
      found.sort {
        ($0.range.lowerBound, $1.range.count) < ($1.range.lowerBound, $0.range.count)
      }
    }
    return withoutOverlaps(found, in: text)
  }

  /// Keeps the first of matches that overlap, in the order given, and sorts what is left.
  private func withoutOverlaps(_ matches: [Match], in text: UnsafeRawBufferPointer) -> [Match] {
    var taken = [Bool](repeating: false, count: text.count)
    var kept: [Match] = []
    for match in matches where !match.range.contains(where: { taken[$0] }) {
      var range = match.range
      let entry = entries[match.entry]
      if entry.stripsLeft {
        while range.lowerBound > 0, !taken[range.lowerBound - 1],
          isSpace(text[range.lowerBound - 1])
        { range = (range.lowerBound - 1)..<range.upperBound }
      }
      if entry.stripsRight {
        while range.upperBound < text.count, !taken[range.upperBound],
          isSpace(text[range.upperBound])
        { range = range.lowerBound..<(range.upperBound + 1) }
      }
      for index in range { taken[index] = true }
      kept.append(match)
    }
    return kept.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  private func standsAlone(_ range: Range<Int>, in text: UnsafeRawBufferPointer) -> Bool {
    let before = range.lowerBound > 0 ? text[range.lowerBound - 1] : 0
    let after = range.upperBound < text.count ? text[range.upperBound] : 0
    return !isWordByte(before) && !isWordByte(after)
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
      || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
  }

  private func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}

/// A tree of byte strings, for finding all that begin at a place.
struct ByteTrie: Sendable {
  private var children = PairTable()
  private var values: [Int32] = [-1]
  /// The first bytes that lead anywhere, so that most places are dismissed at once.
  private var firsts = [Bool](repeating: false, count: 256)

  mutating func insert(_ text: some Collection<UInt8>, value: Int32) {
    guard let first = text.first else { return }
    firsts[Int(first)] = true
    var node: Int32 = 0
    for byte in text {
      if let next = children.find(node, Int32(byte)) {
        node = next.result
      } else {
        let next = Int32(values.count)
        values.append(-1)
        children.insert(node, Int32(byte), rank: 0, result: next)
        node = next
      }
    }
    values[Int(node)] = value
  }

  /// Calls `body` with the value and the end of every string that begins at `start`, shortest
  /// first.
  @inline(__always)
  func forEachPrefix(
    of text: UnsafeRawBufferPointer, from start: Int, _ body: (Int32, Int) -> Void
  ) {
    guard firsts[Int(text[start])] else { return }
    var node: Int32 = 0
    for index in start..<text.count {
      guard let next = children.find(node, Int32(text[index])) else { return }
      node = next.result
      if values[Int(node)] >= 0 { body(values[Int(node)], index + 1) }
    }
  }
}
