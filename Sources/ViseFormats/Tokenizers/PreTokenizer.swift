/// Cuts a text into the words a byte-level vocabulary was trained on.
///
/// The patterns are the published regular expressions, scanned by hand.
struct PreTokenizer: Hashable, Sendable {
  /// One pass over the pieces the pass before it left.
  enum Stage: Hashable, Sendable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}`
    /// `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    case cased(digits: Int, longS: Bool)
    /// `\p{N}`, each by itself.
    case singleNumbers
    /// `\p{N}+`
    case numberRuns
  }

  let stages: [Stage]

  static let gpt2 = PreTokenizer(stages: [.gpt2])
  static let llama3 = PreTokenizer(stages: [.cased(digits: 3, longS: false)])
  static let qwen2 = PreTokenizer(stages: [.cased(digits: 1, longS: false)])
  static let smolLM = PreTokenizer(stages: [.singleNumbers, .gpt2])

  /// Calls `emit` with the code points of each word in turn; together they cover the text.
  func forEachWord(in text: ScalarText, _ emit: (Range<Int>) -> Void) {
    run(stages[...], text, 0..<text.count, emit)
  }

  private func run(
    _ stages: ArraySlice<Stage>, _ text: ScalarText, _ range: Range<Int>,
    _ emit: (Range<Int>) -> Void
  ) {
    guard let stage = stages.first else { return emit(range) }
    let rest = stages.dropFirst()
    var start = range.lowerBound
    while start < range.upperBound {
      let end =
        switch stage {
        case .gpt2: text.endOfGPT2Word(start, in: range)
        case .cased(let digits, let longS):
          text.endOfCasedWord(start, in: range, digits: digits, longS: longS)
        case .singleNumbers: text.endOfNumberOrRest(start, in: range, joins: false)
        case .numberRuns: text.endOfNumberOrRest(start, in: range, joins: true)
        }
      run(rest, text, start..<end, emit)
      start = end
    }
  }
}

extension ScalarText {
  /// The end of the run of code points of class `wanted` from `start` on.
  @inline(__always)
  private func endOfRun(
    _ wanted: UnicodeClass, from start: Int, in range: Range<Int>
  ) -> Int {
    var end = start
    while end < range.upperBound, !classes[end].isDisjoint(with: wanted) { end += 1 }
    return end
  }

  fileprivate func endOfNumberOrRest(
    _ start: Int, in range: Range<Int>, joins: Bool
  ) -> Int {
    if classes[start].contains(.number) {
      return joins ? endOfRun(.number, from: start, in: range) : start + 1
    }
    var end = start
    while end < range.upperBound, !classes[end].contains(.number) { end += 1 }
    return end
  }

  fileprivate func endOfGPT2Word(_ start: Int, in range: Range<Int>) -> Int {
    let first = byte(start, in: range)
    if first == UInt8(ascii: "'"),
      let end = endOfContraction(start, in: range, fold: { byte($0, in: range) })
    {
      return end
    }
    let body = first == UInt8(ascii: " ") ? start + 1 : start
    for wanted in [UnicodeClass.letter, .number, .other]
    where !classOf(body, in: range).isDisjoint(with: wanted) {
      return endOfRun(wanted, from: body, in: range)
    }
    return endOfSpace(start, in: range)
  }

  fileprivate func endOfCasedWord(
    _ start: Int, in range: Range<Int>, digits: Int, longS: Bool
  ) -> Int {
    let first = byte(start, in: range)
    let kind = classes[start]
    if first == UInt8(ascii: "'"),
      let end = endOfContraction(
        start, in: range, fold: { lowercased($0, in: range, longS: longS) })
    {
      return end
    }
    let isNewline = first == UInt8(ascii: "\r") || first == UInt8(ascii: "\n")
    if !isNewline, !kind.contains(.number),
      kind.contains(.letter) || classOf(start + 1, in: range).contains(.letter)
    {
      return endOfRun(.letter, from: start + 1, in: range)
    }
    if kind.contains(.number) {
      return min(endOfRun(.number, from: start, in: range), start + digits)
    }
    let body = first == UInt8(ascii: " ") ? start + 1 : start
    if classOf(body, in: range).contains(.other) {
      var end = endOfRun(.other, from: body, in: range)
      while isLineBreak(end, in: range) { end += 1 }
      return end
    }
    let spaceEnd = endOfRun(.whitespace, from: start, in: range)
    if let last = (start..<spaceEnd).last(where: { isLineBreak($0, in: range) }) {
      return last + 1
    }
    return endOfSpace(start, in: range)
  }

  /// `\s+(?!\S)|\s+`: all of a run of spaces but the last, or all of it where nothing follows.
  private func endOfSpace(_ start: Int, in range: Range<Int>) -> Int {
    let end = endOfRun(.whitespace, from: start, in: range)
    if end - start > 1, end < range.upperBound { return end - 1 }
    return max(end, start + 1)
  }

  private func isLineBreak(_ index: Int, in range: Range<Int>) -> Bool {
    let first = byte(index, in: range)
    return first == UInt8(ascii: "\r") || first == UInt8(ascii: "\n")
  }

  /// The end of an English contraction that starts with the apostrophe at `start`.
  private func endOfContraction(
    _ start: Int, in range: Range<Int>, fold: (Int) -> UInt8
  ) -> Int? {
    let first = fold(start + 1)
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
      let second = fold(start + 2)
      let wanted = first == UInt8(ascii: "l") ? UInt8(ascii: "l") : UInt8(ascii: "e")
      return second == wanted ? start + 3 : nil
    default:
      return nil
    }
  }

  /// The code point in lower case where it is ASCII.
  ///
  /// Unicode case folding, which Oniguruma applies, also turns the long s into s.
  private func lowercased(_ index: Int, in range: Range<Int>, longS: Bool) -> UInt8 {
    let first = byte(index, in: range)
    if (0x41...0x5A).contains(first) { return first + 0x20 }
    if longS, first == 0xC5, bytes[starts[index] + 1] == 0xBF { return UInt8(ascii: "s") }
    return first
  }
}
