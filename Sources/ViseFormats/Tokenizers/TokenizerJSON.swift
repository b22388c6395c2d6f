/// The parts of a `tokenizer.json`, read but not yet interpreted.
///
/// Vocabulary and merges are read straight into arrays; the rest is small and kept as trees.
struct TokenizerJSON {
  enum Model: Hashable {
    case bytePair, unigram, wordPiece
  }

  struct AddedToken {
    let id: Int
    let text: [UInt8]
    let isSpecial: Bool
    let isNormalized: Bool
    let isSingleWord: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  private(set) var model = Model.bytePair
  /// Pieces by id; `nil` where the vocabulary has a hole.
  private(set) var pieces: [[UInt8]?] = []
  private(set) var scores: [Double] = []
  /// Members of `model` other than its vocabulary and merges.
  private(set) var settings: [String: JSONValue] = [:]
  private(set) var addedTokens: [AddedToken] = []
  private(set) var normalizer = JSONValue.null
  private(set) var preTokenizer = JSONValue.null
  private(set) var postProcessor = JSONValue.null
  private(set) var mergesOffset: Int?
  private var hasVocabulary = false
  /// How many ids a vocabulary may leave out.
  private static let mostHoles = 65_536

  init(_ bytes: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = JSONReader(bytes)
    do throws(JSONError) {
      try reader.readObject { (reader, key) throws(JSONError) in
        switch key {
        case "model": try readModel(&reader)
        case "added_tokens": try readAddedTokens(&reader)
        case "normalizer": normalizer = try JSONValue(&reader)
        case "pre_tokenizer": preTokenizer = try JSONValue(&reader)
        case "post_processor": postProcessor = try JSONValue(&reader)
        default: try reader.skipValue()
        }
      }
      try reader.finish()
    } catch {
      throw .invalidJSON(error)
    }
    guard hasVocabulary, !pieces.isEmpty else { throw .invalid("model.vocab") }
    switch settings["type"]?.asString {
    case "BPE": model = .bytePair
    case "Unigram": model = .unigram
    case "WordPiece": model = .wordPiece
    case nil: model = scores.isEmpty ? .bytePair : .unigram
    case let other?: throw .unsupportedModel(other)
    }
    guard (model == .unigram) == !scores.isEmpty else { throw .invalid("model.vocab") }
    for token in addedTokens { try place(token) }
  }

  /// Calls `body` with the halves of each merge, in order.
  func forEachMerge(
    in bytes: UnsafeRawBufferPointer, _ body: ([UInt8], [UInt8]) -> Void
  ) throws(TokenizerError) {
    guard let mergesOffset else { throw .invalid("model.merges") }
    var reader = JSONReader(bytes, at: mergesOffset)
    var isValid = true
    do throws(JSONError) {
      try reader.readArray { (reader) throws(JSONError) in
        var halves: [[UInt8]] = []
        if try reader.peek() == UInt8(ascii: "[") {
          try reader.readArray { (reader) throws(JSONError) in
            let half = try reader.readStringBytes()
            if halves.count < 3 { halves.append(half) }
          }
        } else {
          let line = try reader.readStringBytes()
          if let space = line.dropFirst().firstIndex(of: UInt8(ascii: " ")) {
            halves = [Array(line[..<space]), Array(line[(space + 1)...])]
          }
        }
        guard halves.count == 2 else {
          isValid = false
          return
        }
        body(halves[0], halves[1])
      }
    } catch {
      throw .invalidJSON(error)
    }
    if !isValid { throw .invalid("model.merges") }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws(JSONError) {
    try reader.readObject { (reader, key) throws(JSONError) in
      switch key {
      case "vocab":
        guard !hasVocabulary else { throw reader.error(.duplicateKey(key)) }
        hasVocabulary = true
        try readVocabulary(&reader)
      case "merges":
        _ = try reader.peek()
        mergesOffset = reader.offset
        try reader.skipValue()
      default:
        settings[key] = try JSONValue(&reader)
      }
    }
  }

  private mutating func readVocabulary(_ reader: inout JSONReader) throws(JSONError) {
    if try reader.peek() == UInt8(ascii: "[") {
      try reader.readArray { (reader) throws(JSONError) in
        var piece: [UInt8]?
        var score: Double?
        try reader.readArray { (reader) throws(JSONError) in
          if piece == nil {
            piece = try reader.readStringBytes()
          } else {
            guard score == nil else { throw reader.error(.tooLarge) }
            score = Double(try reader.readNumber())
          }
        }
        guard let piece, let score, score.isFinite else { throw reader.error(.invalidNumber) }
        pieces.append(piece)
        scores.append(score)
      }
      return
    }
    var entries: [(id: UInt64, piece: [UInt8], place: Int)] = []
    try reader.readObject(keysAsBytes: ()) { (reader, piece) throws(JSONError) in
      entries.append((try reader.readUnsigned(), piece, reader.offset))
    }
    let limit = UInt64(entries.count + Self.mostHoles)
    for entry in entries {
      guard entry.id < limit else { throw reader.error(.invalidNumber, at: entry.place) }
      let id = Int(entry.id)
      while pieces.count <= id { pieces.append(nil) }
      guard pieces[id] == nil else { throw reader.error(.invalidNumber, at: entry.place) }
      pieces[id] = entry.piece
    }
  }

  private mutating func readAddedTokens(_ reader: inout JSONReader) throws(JSONError) {
    try reader.readArray { (reader) throws(JSONError) in
      let place = reader.offset
      let token = try JSONValue(&reader)
      guard let id = token["id"]?.asInt, id >= 0, id < Int(Int32.max),
        let text = token["content"]?.asString
      else { throw reader.error(.invalidNumber, at: place) }
      addedTokens.append(
        AddedToken(
          id: id, text: Array(text.utf8), isSpecial: token["special"]?.asBool ?? false,
          isNormalized: token["normalized"]?.asBool ?? true,
          isSingleWord: token["single_word"]?.asBool ?? false,
          stripsLeft: token["lstrip"]?.asBool ?? false,
          stripsRight: token["rstrip"]?.asBool ?? false))
    }
  }

  private mutating func place(_ token: AddedToken) throws(TokenizerError) {
    guard token.id < pieces.count + Self.mostHoles else { throw .invalid("added_tokens") }
    while pieces.count <= token.id {
      pieces.append(nil)
      if model == .unigram { scores.append(0) }
    }
    if pieces[token.id] == nil { pieces[token.id] = token.text }
  }
}
