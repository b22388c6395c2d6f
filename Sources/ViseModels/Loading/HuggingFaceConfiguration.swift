import ViseFormats

/// Reads a decoder's configuration from a Hugging Face `config.json`.
enum HuggingFaceConfiguration {
  /// The architecture's canonical name, by `model_type`.
  static let architectures = [
    "llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3",
    "gemma3_text": "gemma3", "gemma3": "gemma3", "gpt2": "gpt2",
  ]

  static func read(_ checkpoint: Checkpoint) throws(ModelError) -> DecoderConfiguration {
    guard let type = checkpoint.metadata["model_type"]?.asString else {
      throw .invalidMetadata(key: "model_type", reason: "missing or no text")
    }
    guard let architecture = architectures[type] else { throw .unsupportedArchitecture(type) }
    // Gemma 3 models that also see images keep the text model's numbers apart.
    let reader = HuggingFaceReader(
      metadata: checkpoint.metadata, modelType: type,
      prefix: type == "gemma3" ? "text_config." : "")
    return try architecture == "gpt2"
      ? gpt2(reader) : decoder(reader, architecture: architecture)
  }

  private static func decoder(
    _ reader: HuggingFaceReader, architecture: String
  ) throws(ModelError) -> DecoderConfiguration {
    let isGemma = architecture == "gemma3"
    try reader.expectActivation(
      isGemma ? "hidden_activation" : "hidden_act",
      among: isGemma ? ["gelu_pytorch_tanh"] : ["silu", "swish"])
    for key in ["final_logit_softcapping", "attn_logit_softcapping"] where reader.has(key) {
      throw reader.invalid(key, "capped logits are not supported")
    }
    let width = try reader.count("hidden_size")
    let heads = try reader.count("num_attention_heads", default: isGemma ? 8 : nil)
    let headLength = try headLength(reader, architecture, width: width, heads: heads)
    let keyValueHeads = try reader.count(
      "num_key_value_heads", default: isGemma ? 4 : heads)
    guard heads % keyValueHeads == 0 else {
      throw reader.invalid("num_key_value_heads", "does not divide the number of heads")
    }
    let scalar = isGemma ? try reader.optionalNumber("query_pre_attn_scalar") ?? 256 : nil
    var configuration = DecoderConfiguration(
      architecture: architecture, blockCount: try blockCount(reader, "num_hidden_layers"),
      width: width, feedForwardWidth: try reader.count("intermediate_size"), heads: heads,
      keyValueHeads: keyValueHeads, headLength: headLength,
      normEpsilon: Float(try reader.optionalNumber("rms_norm_eps") ?? 1e-6),
      rope: try reader.rope(headLength: headLength, defaultBase: isGemma ? 1e6 : 1e4),
      contextLength: try reader.count(
        "max_position_embeddings", default: isGemma ? 131_072 : nil),
      vocabularyCount: try reader.count("vocab_size", default: isGemma ? 262_208 : nil),
      attentionScale: 1 / Float(scalar ?? Double(headLength)).squareRoot(),
      isRopeInterleaved: false)
    try readWindows(reader, into: &configuration)
    return configuration
  }

  private static func headLength(
    _ reader: HuggingFaceReader, _ architecture: String, width: Int, heads: Int
  ) throws(ModelError) -> Int {
    // transformers' defaults where `config.json` leaves the length out.
    let defaults = ["gemma3": 256, "qwen3": 128]
    let length = try reader.count("head_dim", default: defaults[architecture] ?? width / heads)
    guard length > 0, length % 2 == 0 else {
      throw reader.invalid("num_attention_heads", "heads of odd or no length")
    }
    return length
  }

  private static func blockCount(
    _ reader: HuggingFaceReader, _ key: String
  ) throws(ModelError) -> Int {
    let count = try reader.count(key)
    guard count <= DecoderConfiguration.mostBlocks else {
      throw reader.invalid(key, "no positive number that makes sense")
    }
    return count
  }

  /// Which blocks see only a window: none, all (Mistral), or those the file or its type names.
  private static func readWindows(
    _ reader: HuggingFaceReader, into configuration: inout DecoderConfiguration
  ) throws(ModelError) {
    let count = configuration.blockCount
    let window = try reader.optionalCount("sliding_window")
    let local: [Bool]
    switch reader.modelType {
    case "mistral":
      local = Array(repeating: true, count: count)
    case "qwen2", "qwen3":
      guard reader.bool("use_sliding_window") == true else { return }
      let first = try reader.optionalCount("max_window_layers", zeroIsNone: true) ?? 0
      local = try reader.localBlocks(count: count) ?? (0..<count).map { $0 >= first }
    case "gemma3", "gemma3_text":
      let period = try reader.count("sliding_window_pattern", default: 6)
      local = try reader.localBlocks(count: count) ?? (0..<count).map { ($0 + 1) % period != 0 }
      configuration.localRopeBase = try reader.localRopeBase()
    default:
      return
    }
    guard let window else { return }
    configuration.slidingWindow = window
    configuration.localBlocks = local
  }

  private static func gpt2(
    _ reader: HuggingFaceReader
  ) throws(ModelError) -> DecoderConfiguration {
    try reader.expectActivation(
      "activation_function", among: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"])
    for key in ["scale_attn_by_inverse_layer_idx", "add_cross_attention"]
    where reader.bool(key) == true {
      throw reader.invalid(key, "not supported")
    }
    if reader.bool("scale_attn_weights") == false {
      throw reader.invalid("scale_attn_weights", "not supported")
    }
    let width = try reader.count("n_embd")
    let heads = try reader.count("n_head")
    guard width % heads == 0 else { throw reader.invalid("n_head", "does not divide n_embd") }
    return DecoderConfiguration(
      architecture: "gpt2", blockCount: try blockCount(reader, "n_layer"), width: width,
      feedForwardWidth: try reader.count("n_inner", default: 4 * width), heads: heads,
      keyValueHeads: heads, headLength: width / heads,
      normEpsilon: Float(try reader.optionalNumber("layer_norm_epsilon") ?? 1e-5), rope: nil,
      contextLength: try reader.count("n_positions"),
      vocabularyCount: try reader.count("vocab_size"),
      attentionScale: 1 / Float(width / heads).squareRoot(), isRopeInterleaved: false)
  }
}
