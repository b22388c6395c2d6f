import ViseTensor

extension Tokenizer {
  /// Makes the tokenizer a checkpoint brings: in GGUF's metadata, or in `tokenizer.json`.
  public init(checkpoint: Checkpoint) throws(TokenizerError) {
    guard checkpoint.format == .safetensors else {
      try self.init(metadata: checkpoint.metadata)
      return
    }
    guard let path = checkpoint.tokenizerPath, let file = try? mapJSON(path) else {
      throw .invalid("tokenizer.json")
    }
    func token(_ key: String) -> Int32? {
      checkpoint.metadata[key]?.asInt.flatMap { Int32(exactly: $0) }
    }
    self = try file.withBytes { (bytes) throws(TokenizerError) in
      try Tokenizer(
        json: bytes, beginToken: token("bos_token_id"), endToken: token("eos_token_id"))
    }
  }

  /// Makes the tokenizer a `tokenizer.json` describes, as Hugging Face's library would.
  ///
  /// The file does not name its begin and end tokens; where they are not given, those it puts
  /// around a text count as such.
  public init(
    json bytes: UnsafeRawBufferPointer, beginToken: Int32? = nil, endToken: Int32? = nil
  ) throws(TokenizerError) {
    let source = try TokenizerJSON(bytes)
    guard source.model != .wordPiece else {
      self = try Tokenizer(wordPiece: source)
      return
    }
    let plan = try PreTokenizerPlan(source.preTokenizer)
    let normalizers = try TextNormalizer.list(source.normalizer)
    let vocabulary = source.vocabulary()
    let pieces: any PieceEncoder
    switch source.model {
    case .unigram:
      guard !plan.isByteLevel else { throw .unsupportedComponent("ByteLevel with Unigram") }
      pieces = UnigramPieces(lattice: try source.lattice(vocabulary))
    case .bytePair:
      pieces = try source.bytePairEncoder(bytes, vocabulary: vocabulary, plan: plan)
    case .wordPiece: throw .unsupportedModel("WordPiece")
    }
    let (early, late) = source.specialTokens(hasNormalizer: !normalizers.isEmpty)
    self.vocabulary = vocabulary
    encoder = TokenizerPipeline(
      normalizers: normalizers, normalizedTokens: late, splitters: plan.splitters, pieces: pieces)
    specialTokens = early
    spelling = plan.isByteLevel ? .byteAlphabet : .sentencePiece
    (prefix, suffix) = try source.surroundings(of: source.postProcessor)
    self.beginToken = beginToken ?? prefix.first
    self.endToken = endToken ?? suffix.last
  }
}

extension Tokenizer {
  /// Of a `tokenizer.json` of type WordPiece.
  private init(wordPiece source: TokenizerJSON) throws(TokenizerError) {
    vocabulary = source.vocabulary()
    encoder = try source.wordPieceEncoder(vocabulary)
    specialTokens = source.specialTokens(hasNormalizer: false).early
    spelling = .sentencePiece
    (prefix, suffix) = try source.surroundings(of: source.postProcessor)
    (beginToken, endToken) = (prefix.first, suffix.last)
  }
}

extension TokenizerJSON {
  func vocabulary() -> Vocabulary {
    var kinds = [TokenKind](repeating: .normal, count: pieces.count)
    let fallsBackToBytes = settings["byte_fallback"]?.asBool ?? false
    for token in addedTokens { kinds[token.id] = token.isSpecial ? .control : .userDefined }
    var vocabulary = Vocabulary(minimumCapacity: pieces.count)
    for (id, piece) in pieces.enumerated() {
      let isByte = fallsBackToBytes && piece?.count == 6 && piece?.starts(with: "<0x".utf8) == true
      vocabulary.append(
        piece ?? [], score: scores.isEmpty ? 0 : Float(scores[id]),
        kind: piece == nil ? .unused : isByte ? .byte : kinds[id])
    }
    return vocabulary
  }

  func lattice(_ vocabulary: Vocabulary) throws(TokenizerError) -> UnigramLattice {
    guard let unknown = settings["unk_id"]?.asInt, pieces.indices.contains(unknown) else {
      throw .invalid("model.unk_id")
    }
    return UnigramLattice(
      vocabulary: vocabulary, scores: scores, unknown: Int32(unknown),
      fallsBackToBytes: settings["byte_fallback"]?.asBool ?? false)
  }

  fileprivate func bytePairEncoder(
    _ bytes: UnsafeRawBufferPointer, vocabulary: Vocabulary, plan: PreTokenizerPlan
  ) throws(TokenizerError) -> any PieceEncoder {
    for key in ["continuing_subword_prefix", "end_of_word_suffix"]
    where settings[key]?.asString.map({ !$0.isEmpty }) ?? false {
      throw .unsupportedComponent("model." + key)
    }
    var merges = MergeTable(tokenCount: vocabulary.count, minimumCapacity: vocabulary.count)
    var rank = 0
    try forEachMerge(in: bytes) { left, right in
      left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in
          merges.append(left: left, right: right, rank: rank, in: vocabulary)
        }
      }
      rank += 1
    }
    let ignoresMerges = settings["ignore_merges"]?.asBool ?? false
    if plan.isByteLevel {
      return ByteLevelBPE(
        vocabulary: vocabulary, merges: merges, preTokenizer: PreTokenizer(stages: plan.stages),
        ignoresMerges: ignoresMerges, addsPrefixSpace: plan.addsPrefixSpace)
    }
    return CharacterBPE(
      vocabulary: vocabulary, merges: merges,
      fallsBackToBytes: settings["byte_fallback"]?.asBool ?? false,
      fusesUnknown: settings["fuse_unk"]?.asBool ?? false, ignoresMerges: ignoresMerges,
      unknown: settings["unk_token"]?.asString.flatMap { vocabulary.table.find(Array($0.utf8)) })
  }

  /// The tokens to look for before and after normalisation.
  func specialTokens(hasNormalizer: Bool) -> (early: SpecialTokens, late: SpecialTokens) {
    func tokens(_ isWanted: (AddedToken) -> Bool) -> SpecialTokens {
      let entries = addedTokens.filter(isWanted).map {
        SpecialTokens.Entry(
          id: Int32($0.id), text: $0.text, isControl: $0.isSpecial, stripsLeft: $0.stripsLeft,
          stripsRight: $0.stripsRight, isSingleWord: $0.isSingleWord)
      }
      return SpecialTokens(entries, precedence: .leftmost)
    }
    guard hasNormalizer else { return (tokens { _ in true }, tokens { _ in false }) }
    return (tokens { !$0.isNormalized }, tokens { $0.isNormalized })
  }

  /// The ids a post-processor puts before and after a text.
  func surroundings(of value: JSONValue) throws(TokenizerError) -> ([Int32], [Int32]) {
    func id(_ value: JSONValue?) throws(TokenizerError) -> Int32 {
      guard let id = value?.asInt, pieces.indices.contains(id) else {
        throw .invalid("post_processor")
      }
      return Int32(id)
    }
    switch value["type"]?.asString {
    case nil, "ByteLevel":
      return ([], [])
    case "Sequence":
      var result: ([Int32], [Int32]) = ([], [])
      for part in value["processors"]?.asArray ?? [] {
        let inner = try surroundings(of: part)
        result = (inner.0 + result.0, result.1 + inner.1)
      }
      return result
    case "RobertaProcessing", "BertProcessing":
      return ([try id(value["cls"]?.asArray?.last)], [try id(value["sep"]?.asArray?.last)])
    case "TemplateProcessing":
      var result: ([Int32], [Int32]) = ([], [])
      var isBefore = true
      for part in value["single"]?.asArray ?? [] {
        guard let name = part["SpecialToken"]?["id"]?.asString else {
          isBefore = false
          continue
        }
        let ids = value["special_tokens"]?[name]?["ids"]?.asArray ?? []
        for element in ids {
          let id = try id(element)
          if isBefore { result.0.append(id) } else { result.1.append(id) }
        }
      }
      return result
    case let other?:
      throw .unsupportedComponent(other)
    }
  }
}

/// How a `tokenizer.json` cuts a text.
private struct PreTokenizerPlan {
  /// Passes over byte-level text.
  private(set) var stages: [PreTokenizer.Stage] = []
  /// Cuts of text that stays characters.
  private(set) var splitters: [PieceSplitter] = []
  private(set) var isByteLevel = false
  private(set) var addsPrefixSpace = false

  init(_ value: JSONValue) throws(TokenizerError) {
    try add(value)
    if !isByteLevel, !stages.isEmpty {
      splitters.append(.scan(PreTokenizer(stages: stages)))
      stages = []
    }
    if isByteLevel, !splitters.isEmpty {
      throw .unsupportedComponent("pre_tokenizer.ByteLevel after others")
    }
  }

  private mutating func add(_ value: JSONValue) throws(TokenizerError) {
    switch value["type"]?.asString {
    case nil:
      guard value == .null else { throw .invalid("pre_tokenizer") }
    case "Sequence":
      for part in value["pretokenizers"]?.asArray ?? [] { try add(part) }
    case "ByteLevel":
      isByteLevel = true
      addsPrefixSpace = value["add_prefix_space"]?.asBool ?? true
      guard !addsPrefixSpace || stages.isEmpty else {
        throw .unsupportedComponent("pre_tokenizer.ByteLevel.add_prefix_space")
      }
      if value["use_regex"]?.asBool ?? true { stages.append(.gpt2) }
    case "Digits":
      stages.append(
        value["individual_digits"]?.asBool ?? false ? .singleNumbers : .numberRuns)
    case "Split":
      try addSplit(value)
    case "WhitespaceSplit":
      splitters.append(.whitespace)
    case "Metaspace":
      splitters.append(try metaspace(value))
    case let other?:
      throw .unsupportedComponent("pre_tokenizer." + other)
    }
  }

  private mutating func addSplit(_ value: JSONValue) throws(TokenizerError) {
    let behavior = value["behavior"]?.asString
    if let text = value["pattern"]?["String"]?.asString, !text.isEmpty,
      behavior == "MergedWithPrevious", value["invert"]?.asBool != true
    {
      splitters.append(.after(Array(text.utf8)))
      return
    }
    // The known patterns match everything, so that keeping matches or what is between is one.
    let isInverted = value["invert"]?.asBool ?? false
    guard let pattern = value["pattern"]?["Regex"]?.asString,
      let stage = PreTokenizer.Stage(pattern: pattern),
      (behavior == "Isolated" && !isInverted) || (behavior == "Removed" && isInverted)
    else { throw .unsupportedComponent("pre_tokenizer.Split") }
    stages.append(stage)
  }

  private func metaspace(_ value: JSONValue) throws(TokenizerError) -> PieceSplitter {
    guard let replacement = value["replacement"]?.asString, !replacement.isEmpty else {
      throw .invalid("pre_tokenizer.Metaspace")
    }
    let prepend: PieceSplitter.Prepend
    switch value["prepend_scheme"]?.asString {
    case "always": prepend = .always
    case "first": prepend = .first
    case "never": prepend = .never
    case nil: prepend = value["add_prefix_space"]?.asBool ?? true ? .always : .never
    case let other?: throw .unsupportedComponent("prepend_scheme." + other)
    }
    return .metaspace(
      replacement: Array(replacement.utf8), prepend: prepend,
      splits: value["split"]?.asBool ?? true)
  }
}

extension PreTokenizer.Stage {
  /// The scanner for a published regular expression.
  fileprivate init?(pattern: String) {
    let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
    let words = #"[^\r\n\p{L}\p{N}]?\p{L}+|"#
    let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    switch pattern {
    case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#:
      self = .gpt2
    case contractions + words + #"\p{N}{1,3}"# + rest:
      self = .cased(digits: 3, longS: true)
    case contractions + words + #"\p{N}"# + rest:
      self = .cased(digits: 1, longS: true)
    case #"\p{N}"#:
      self = .singleNumbers
    default:
      return nil
    }
  }
}

extension TextNormalizer {
  /// The steps a `tokenizer.json`'s normalizer takes.
  static func list(_ value: JSONValue) throws(TokenizerError) -> [TextNormalizer] {
    switch value["type"]?.asString {
    case nil:
      guard value == .null else { throw .invalid("normalizer") }
      return []
    case "Sequence":
      var steps: [TextNormalizer] = []
      for part in value["normalizers"]?.asArray ?? [] { steps += try list(part) }
      return steps
    case "NFC": return [.nfc]
    case "NFD": return [.nfd]
    case "NFKC": return [.nfkc]
    case "NFKD": return [.nfkd]
    case "Lowercase": return [.lowercase]
    case "Prepend": return [.prepend(Array((value["prepend"]?.asString ?? "").utf8))]
    case "Strip":
      return [
        .strip(
          left: value["strip_left"]?.asBool ?? true, right: value["strip_right"]?.asBool ?? true)
      ]
    case "Replace":
      let content = Array((value["content"]?.asString ?? "").utf8)
      if let text = value["pattern"]?["String"]?.asString, !text.isEmpty {
        return [.replace(Array(text.utf8), with: content)]
      }
      guard value["pattern"]?["Regex"]?.asString == " {2,}" else {
        throw .unsupportedComponent("normalizer.Replace")
      }
      return [.replaceSpaceRuns(with: content)]
    case "Precompiled":
      guard let text = value["precompiled_charsmap"]?.asString,
        let map = decodeBase64(text)?.withUnsafeBytes({ CharacterMap($0) })
      else { throw .invalid("normalizer.precompiled_charsmap") }
      return [.characterMap(map)]
    case let other?:
      throw .unsupportedComponent("normalizer." + other)
    }
  }
}
