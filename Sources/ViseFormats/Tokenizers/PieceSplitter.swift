/// One way a `tokenizer.json` cuts a text before a vocabulary over characters sees it.
enum PieceSplitter: Sendable {
  /// Spaces become `replacement`, which also goes before the text, and before which it is cut.
  case metaspace(replacement: [UInt8], prepend: Prepend, splits: Bool)
  /// After each `pattern`.
  case after([UInt8])
  /// At whitespace, which is dropped.
  case whitespace
  /// At numbers.
  case scan(PreTokenizer)

  /// Where a space is put that the text does not have.
  enum Prepend: Hashable, Sendable {
    case never, first, always
  }

  func split(_ text: [UInt8], isFirst: Bool) -> [[UInt8]] {
    switch self {
    case .metaspace(let replacement, let prepend, let splits):
      var replaced = TextNormalizer.replace([UInt8(ascii: " ")], with: replacement).apply(text)
      if prepend == .always || (prepend == .first && isFirst), !replaced.starts(with: replacement) {
        replaced = replacement + replaced
      }
      return splits ? Self.cut(replaced, before: replacement) : [replaced]
    case .after(let pattern):
      return Self.cut(text, after: pattern)
    case .whitespace:
      let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
      return scalars.split { $0.properties.isWhitespace }.map { Array(String($0).utf8) }
    case .scan(let preTokenizer):
      var words: [[UInt8]] = []
      let scalars = text.withUnsafeBytes { ScalarText($0) }
      preTokenizer.forEachWord(in: scalars) { word in
        words.append(
          Array(scalars.bytes[scalars.starts[word.lowerBound]..<scalars.starts[word.upperBound]]))
      }
      return words
    }
  }

  private static func cut(_ text: [UInt8], before mark: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    for index in text.indices where index > start && text[index...].starts(with: mark) {
      pieces.append(Array(text[start..<index]))
      start = index
    }
    if start < text.count { pieces.append(Array(text[start...])) }
    return pieces
  }

  private static func cut(_ text: [UInt8], after mark: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    var index = 0
    while index < text.count {
      if text[index...].starts(with: mark) {
        index += mark.count
        pieces.append(Array(text[start..<index]))
        start = index
      } else {
        index += 1
      }
    }
    if start < text.count { pieces.append(Array(text[start...])) }
    return pieces
  }
}
