extension Tokenizer {
  /// Makes the tokenizer that a GGUF file's metadata describes, as llama.cpp would.
  public init(metadata: Metadata) throws(TokenizerError) {
    let source = GGUFTokenizer(metadata: metadata)
    guard let model = metadata["tokenizer.ggml.model"]?.asString else {
      throw .invalid("tokenizer.ggml.model")
    }
    let vocabulary = try source.vocabulary()
    switch model {
    case "gpt2":
      try self.init(byteLevel: source, vocabulary: vocabulary)
    case "llama":
      let encoder = SentencePieceBPE(
        vocabulary: vocabulary,
        addsSpacePrefix: source.flag("add_space_prefix", default: true),
        unknown: source.token("unknown_token_id", default: 0, in: vocabulary))
      self.init(
        source, vocabulary: vocabulary, encoder: encoder, spelling: .sentencePiece, begin: 1,
        end: 2, addsBegin: true, addsEnd: false)
    case "t5":
      let encoder = try UnigramEncoder(source, vocabulary: vocabulary)
      self.init(
        source, vocabulary: vocabulary, encoder: encoder, spelling: .sentencePiece, begin: nil,
        end: 1, addsBegin: false, addsEnd: true)
    default:
      throw .unsupportedModel(model)
    }
  }

  private init(
    byteLevel source: GGUFTokenizer, vocabulary: Vocabulary
  ) throws(TokenizerError) {
    let name = source.metadata["tokenizer.ggml.pre"]?.asString ?? ""
    guard let scheme = BytePairScheme(name: name) else { throw .unsupportedPreTokenizer(name) }
    let encoder = ByteLevelBPE(
      vocabulary: vocabulary, merges: try source.merges(vocabulary),
      preTokenizer: scheme.preTokenizer, ignoresMerges: scheme.ignoresMerges)
    self.init(
      source, vocabulary: vocabulary, encoder: encoder, spelling: .byteAlphabet, begin: 11,
      end: 11, addsBegin: scheme.addsBegin, addsEnd: false)
  }

  private init(
    _ source: GGUFTokenizer, vocabulary: Vocabulary, encoder: any FragmentEncoder,
    spelling: Spelling, begin: Int32?, end: Int32?, addsBegin: Bool, addsEnd: Bool
  ) {
    self.vocabulary = vocabulary
    self.encoder = encoder
    self.spelling = spelling
    specialTokens = source.specialTokens(vocabulary)
    beginToken = source.token("bos_token_id", default: begin, in: vocabulary)
    endToken = source.token("eos_token_id", default: end, in: vocabulary)
    let prefixed = source.flag("add_bos_token", default: addsBegin)
    let suffixed = source.flag("add_eos_token", default: addsEnd)
    prefix = prefixed ? [beginToken].compactMap(\.self) : []
    suffix = suffixed ? [endToken].compactMap(\.self) : []
  }
}

/// What llama.cpp does for a pre-tokenizer's name.
private struct BytePairScheme {
  let preTokenizer: PreTokenizer
  var ignoresMerges = false
  var addsBegin = false

  init?(name: String) {
    switch name {
    case "gpt-2", "phi-2", "mpt", "olmo", "jais", "gigachat", "mellum", "modern-bert", "exaone4",
      "a.x-4.0", "trillion", "granite-docling":
      preTokenizer = .gpt2
    case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b":
      preTokenizer = .smolLM
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2":
      preTokenizer = .llama3
      ignoresMerges = true
      addsBegin = true
    case "dbrx", "smaug-bpe", "chatglm-bpe":
      preTokenizer = .llama3
    case "glm4":
      preTokenizer = .llama3
      ignoresMerges = true
    case "qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan", "grok-2", "kormo":
      preTokenizer = .qwen2
    default:
      return nil
    }
  }
}

/// Reads the tokenizer keys of a GGUF file.
struct GGUFTokenizer {
  let metadata: Metadata

  func flag(_ key: String, default value: Bool) -> Bool {
    metadata["tokenizer.ggml." + key]?.asBool ?? value
  }

  /// A special token's id; one outside the vocabulary counts as not given.
  func token(_ key: String, default value: Int32?, in vocabulary: Vocabulary) -> Int32? {
    let usable = 0..<vocabulary.count
    if let given = metadata["tokenizer.ggml." + key]?.asInt, usable.contains(given) {
      return Int32(given)
    }
    return value.flatMap { usable.contains(Int($0)) ? $0 : nil }
  }

  func vocabulary() throws(TokenizerError) -> Vocabulary {
    guard let tokens = metadata["tokenizer.ggml.tokens"]?.asArray,
      tokens.elementType == .string, tokens.count > 0, tokens.count < Int(Int32.max)
    else { throw .invalid("tokenizer.ggml.tokens") }
    let scores = try scores(count: tokens.count)
    let kinds = try kinds(count: tokens.count)
    var vocabulary = Vocabulary(minimumCapacity: tokens.count)
    tokens.forEachString { text in
      let index = vocabulary.count
      let score = scores?[index] ?? 0
      let kind = kinds.map { TokenKind(rawValue: Int($0[index])) ?? .unused } ?? .normal
      if text.isEmpty {
        vocabulary.append(Array("[EMPTY_\(index)]".utf8), score: score, kind: kind)
      } else {
        vocabulary.append(text, score: score, kind: kind)
      }
    }
    return vocabulary
  }

  private func scores(count: Int) throws(TokenizerError) -> [Float]? {
    guard let value = metadata["tokenizer.ggml.scores"] else { return nil }
    guard let array = value.asArray, array.count >= count else {
      throw .invalid("tokenizer.ggml.scores")
    }
    switch array.elementType {
    case .float32: return array.integers(UInt32.self).map(Float.init(bitPattern:))
    case .int32: return array.integers(Int32.self).map(Float.init)
    default: throw .invalid("tokenizer.ggml.scores")
    }
  }

  private func kinds(count: Int) throws(TokenizerError) -> [Int32]? {
    guard let value = metadata["tokenizer.ggml.token_type"] else { return nil }
    guard let array = value.asArray, array.count >= count, array.elementType == .int32 else {
      throw .invalid("tokenizer.ggml.token_type")
    }
    return array.integers(Int32.self)
  }

  func merges(_ vocabulary: Vocabulary) throws(TokenizerError) -> MergeTable {
    guard let merges = metadata["tokenizer.ggml.merges"]?.asArray,
      merges.elementType == .string, merges.count < Int(Int32.max)
    else { throw .invalid("tokenizer.ggml.merges") }
    var table = MergeTable(tokenCount: vocabulary.count, minimumCapacity: merges.count)
    var rank = 0
    merges.forEachString { text in
      table.append(text, rank: rank, in: vocabulary)
      rank += 1
    }
    return table
  }

  func specialTokens(_ vocabulary: Vocabulary) -> SpecialTokens {
    // Phi-3's special tokens swallow the whitespace behind them, which GGUF cannot say.
    let name = metadata["general.name"]?.asString?.lowercased() ?? ""
    let keepsSpace: Set<String> = ["<unk>", "<s>", "<|endoftext|>"]
    let isPhi3 = name.contains("phi-3") || name.contains("phi3")
    var entries: [SpecialTokens.Entry] = []
    for id in 0..<Int32(vocabulary.count) {
      let text = Array(vocabulary.bytes(of: id))
      guard let isControl = Self.isControl(text, kind: vocabulary.kinds[Int(id)]) else { continue }
      var entry = SpecialTokens.Entry(id: id, text: text, isControl: isControl)
      entry.stripsRight = isPhi3 && !keepsSpace.contains(String(decoding: text, as: UTF8.self))
      entries.append(entry)
    }
    return SpecialTokens(entries, precedence: .longest)
  }

  /// Whether a special token is a control token; `nil` for one that is not special.
  ///
  /// Converters mark some control tokens as ordinary; llama.cpp knows those by their text.
  private static func isControl(_ text: [UInt8], kind: TokenKind) -> Bool? {
    if text.count <= 32 {
      let name = String(decoding: text, as: UTF8.self)
      if alwaysControl.contains(name) { return true }
      if neverControl.contains(name) { return false }
    }
    switch kind {
    case .control, .unknown: return true
    case .userDefined: return false
    case .normal, .unused, .byte: return nil
    }
  }

  private static let alwaysControl: Set<String> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
    "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
    "<｜end▁of▁sentence｜>", "[e~[", "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",
    "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>", "<|fim_suffix|>",
    "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>",
    "<|suffix|>", "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>",
    "▁<MID>", "<|code_middle|>", "<|middle|>", "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>",
    "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>",
    "<|file_sep|>",
  ]

  private static let neverControl: Set<String> = [
    "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>",
  ]
}
