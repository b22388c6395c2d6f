import ViseFormats

/// Reads a decoder's configuration from a Hugging Face `config.json`.
enum HuggingFaceConfiguration {
  /// The architecture's canonical name, by `model_type`.
  static let architectures = [
    "llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3",
    "gemma3_text": "gemma3", "gpt2": "gpt2",
  ]

  static func architecture(of checkpoint: Checkpoint) throws(ModelError) -> String {
    guard let type = checkpoint.metadata["model_type"]?.asString else {
      throw .invalidMetadata(key: "model_type", reason: "missing or no text")
    }
    guard let architecture = architectures[type] else { throw .unsupportedArchitecture(type) }
    return architecture
  }

  static func read(_ checkpoint: Checkpoint) throws(ModelError) -> DecoderConfiguration {
    let architecture = try architecture(of: checkpoint)
    let reader = Reader(metadata: checkpoint.metadata)
    return try architecture == "gpt2"
      ? gpt2(reader) : decoder(reader, architecture: architecture)
  }

  private static func decoder(
    _ reader: Reader, architecture: String
  ) throws(ModelError) -> DecoderConfiguration {
    let width = try reader.count("hidden_size")
    let heads = try reader.count("num_attention_heads")
    let headLength = try reader.optionalCount("head_dim") ?? width / heads
    let keyValueHeads = try reader.optionalCount("num_key_value_heads") ?? heads
    guard headLength > 0, headLength % 2 == 0, heads % keyValueHeads == 0 else {
      throw .invalidMetadata(key: "num_attention_heads", reason: "heads do not divide evenly")
    }
    if reader.has("rope_scaling") {
      throw .invalidMetadata(key: "rope_scaling", reason: "not supported from safetensors yet")
    }
    let isGemma = architecture == "gemma3"
    let scalar = isGemma ? try reader.optionalNumber("query_pre_attn_scalar") : nil
    return DecoderConfiguration(
      architecture: architecture, blockCount: try reader.count("num_hidden_layers"), width: width,
      feedForwardWidth: try reader.count("intermediate_size"), heads: heads,
      keyValueHeads: keyValueHeads, headLength: headLength,
      normEpsilon: Float(try reader.optionalNumber("rms_norm_eps") ?? 1e-6),
      rope: RopeTable(
        rotary: headLength, base: Float(try reader.optionalNumber("rope_theta") ?? 10_000)),
      contextLength: try reader.count("max_position_embeddings"),
      vocabularyCount: try reader.count("vocab_size"),
      slidingWindow: isGemma ? try reader.optionalCount("sliding_window") : nil,
      slidingWindowPattern: isGemma
        ? try reader.optionalCount("sliding_window_pattern") ?? 6 : nil,
      localRopeBase: try reader.optionalNumber("rope_local_base_freq").map { Float($0) },
      attentionScale: 1 / Float(scalar ?? Double(headLength)).squareRoot(),
      isRopeInterleaved: false)
  }

  private static func gpt2(_ reader: Reader) throws(ModelError) -> DecoderConfiguration {
    let width = try reader.count("n_embd")
    let heads = try reader.count("n_head")
    guard width % heads == 0 else {
      throw .invalidMetadata(key: "n_head", reason: "does not divide n_embd")
    }
    return DecoderConfiguration(
      architecture: "gpt2", blockCount: try reader.count("n_layer"), width: width,
      feedForwardWidth: try reader.optionalCount("n_inner") ?? 4 * width, heads: heads,
      keyValueHeads: heads, headLength: width / heads,
      normEpsilon: Float(try reader.optionalNumber("layer_norm_epsilon") ?? 1e-5), rope: nil,
      contextLength: try reader.count("n_positions"),
      vocabularyCount: try reader.count("vocab_size"), slidingWindow: nil,
      slidingWindowPattern: nil, localRopeBase: nil,
      attentionScale: 1 / Float(width / heads).squareRoot(), isRopeInterleaved: false)
  }

  /// Typed access to the top level of `config.json`.
  private struct Reader {
    let metadata: Metadata

    func has(_ key: String) -> Bool {
      metadata[key] != nil
    }

    func optionalCount(_ key: String) throws(ModelError) -> Int? {
      guard has(key), let value = metadata[key] else { return nil }
      guard let count = value.asInt, count > 0, count <= 1 << 28 else {
        throw .invalidMetadata(key: key, reason: "no positive number that makes sense")
      }
      return count
    }

    func count(_ key: String) throws(ModelError) -> Int {
      guard let count = try optionalCount(key) else {
        throw .invalidMetadata(key: key, reason: "missing")
      }
      return count
    }

    func optionalNumber(_ key: String) throws(ModelError) -> Double? {
      guard has(key), let value = metadata[key] else { return nil }
      guard let number = value.asDouble, number.isFinite, number > 0 else {
        throw .invalidMetadata(key: key, reason: "no positive number")
      }
      return number
    }
  }
}
