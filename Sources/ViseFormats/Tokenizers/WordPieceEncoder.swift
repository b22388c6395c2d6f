/// WordPiece behind BERT's own cleaning and cutting of texts, as encoders are trained with.
///
/// A word becomes the longest piece that begins it, then the longest that goes on, marked by a
/// prefix; a word that cannot be made up is unknown as a whole (Wu et al., "Google's Neural Machine
/// Translation System", 2016, section 4.1).
struct WordPieceEncoder: FragmentEncoder {
  let vocabulary: Vocabulary
  let cleaner: BERTCleaner
  let unknown: Int32
  /// What pieces inside a word begin with.
  let continuation: [UInt8]
  /// Words of more characters are unknown.
  let longestWord: Int

  func encode(
    _ text: UnsafeRawBufferPointer, context: FragmentContext, into output: inout [Int32]
  ) {
    for word in cleaner.words(of: String(decoding: text, as: UTF8.self)) {
      guard output.count < context.limit else { return }
      append(word, to: &output)
    }
  }

  private func append(_ word: [Unicode.Scalar], to output: inout [Int32]) {
    let start = output.count
    guard word.count <= longestWord else {
      output.append(unknown)
      return
    }
    var first = 0
    while first < word.count {
      var end = word.count
      var found: Int32?
      while end > first, found == nil {
        var piece = first > 0 ? continuation : []
        for scalar in word[first..<end] { piece += UTF8.encode(scalar).map(Array.init) ?? [] }
        found = vocabulary.table.find(piece)
        if found == nil { end -= 1 }
      }
      guard let found else {
        output.removeSubrange(start...)
        output.append(unknown)
        return
      }
      output.append(found)
      first = end
    }
  }
}

extension TokenizerJSON {
  /// The encoder of a model of type WordPiece.
  func wordPieceEncoder(_ vocabulary: Vocabulary) throws(TokenizerError) -> WordPieceEncoder {
    guard let name = settings["unk_token"]?.asString,
      let unknown = vocabulary.table.find(Array(name.utf8))
    else { throw .invalid("model.unk_token") }
    guard preTokenizer["type"]?.asString == "BertPreTokenizer" else {
      throw .unsupportedPreTokenizer(preTokenizer["type"]?.asString ?? "none")
    }
    return WordPieceEncoder(
      vocabulary: vocabulary, cleaner: try BERTCleaner(normalizer), unknown: unknown,
      continuation: Array((settings["continuing_subword_prefix"]?.asString ?? "##").utf8),
      longestWord: min(max(settings["max_input_chars_per_word"]?.asInt ?? 100, 1), 1 << 16))
  }
}
