import ViseFormats

/// Reads a decoder's configuration from GGUF metadata.
enum GGUFConfiguration {
  static func read(_ checkpoint: Checkpoint) throws(ModelError) -> DecoderConfiguration {
    let reader = try MetadataReader(checkpoint)
    let architecture = reader.architecture
    guard ArchitectureRegistry.architectures[architecture] != nil else {
      throw .unsupportedArchitecture(architecture)
    }
    let width = try reader.count("embedding_length")
    let heads = try reader.count("attention.head_count")
    let headLength = try reader.optionalCount("attention.key_length") ?? width / heads
    if let valueLength = try reader.optionalCount("attention.value_length"),
      valueLength != headLength
    {
      throw reader.invalid("attention.value_length", "differs from the key length")
    }
    guard headLength > 0, headLength % 2 == 0 else {
      throw reader.invalid("attention.head_count", "heads of odd or no length")
    }
    let keyValueHeads = try reader.optionalCount("attention.head_count_kv") ?? heads
    guard heads % keyValueHeads == 0 else {
      throw reader.invalid("attention.head_count_kv", "does not divide the number of heads")
    }
    let vocabulary = checkpoint.record(named: "token_embd.weight")?.shape.first ?? 0
    return DecoderConfiguration(
      architecture: architecture, blockCount: try reader.count("block_count"), width: width,
      feedForwardWidth: try reader.count("feed_forward_length"), heads: heads,
      keyValueHeads: keyValueHeads, headLength: headLength,
      normEpsilon: try epsilon(reader),
      rope: architecture == "gpt2" ? nil : try rope(reader, headLength, checkpoint),
      contextLength: try reader.count("context_length"), vocabularyCount: vocabulary,
      slidingWindow: try reader.optionalCount("attention.sliding_window"),
      slidingWindowPattern: architecture == "gemma3"
        ? try reader.optionalCount("attention.sliding_window_pattern") ?? 6 : nil,
      localRopeBase: try reader.optionalNumber("rope.freq_base_swa").map { Float($0) },
      attentionScale: 1 / Float(headLength).squareRoot(),
      isRopeInterleaved: architecture == "llama")
  }

  private static func epsilon(_ reader: MetadataReader) throws(ModelError) -> Float {
    if let rms = try reader.optionalNumber("attention.layer_norm_rms_epsilon") {
      return Float(rms)
    }
    return Float(try reader.number("attention.layer_norm_epsilon"))
  }

  private static func rope(
    _ reader: MetadataReader, _ headLength: Int, _ checkpoint: Checkpoint
  ) throws(ModelError) -> RopeTable {
    let rotary = try reader.optionalCount("rope.dimension_count") ?? headLength
    guard rotary <= headLength, rotary % 2 == 0 else {
      throw reader.invalid("rope.dimension_count", "odd or longer than a head")
    }
    var table = RopeTable(
      rotary: rotary, base: Float(try reader.optionalNumber("rope.freq_base") ?? 10_000))
    switch reader.optionalString("rope.scaling.type") {
    case nil, "none":
      break
    case "linear":
      table.positionScale = Float(try reader.number("rope.scaling.factor"))
    case let other?:
      throw reader.invalid("rope.scaling.type", "scaling \"\(other)\" is not supported")
    }
    if checkpoint.record(named: "rope_freqs.weight") != nil {
      table.divisors = "rope_freqs.weight"
    }
    return table
  }
}

/// Typed access to a model's metadata under its architecture's prefix.
struct MetadataReader {
  let architecture: String
  private let checkpoint: Checkpoint

  init(_ checkpoint: Checkpoint) throws(ModelError) {
    self.checkpoint = checkpoint
    guard let name = checkpoint.metadata["general.architecture"]?.asString else {
      throw .invalidMetadata(key: "general.architecture", reason: "missing or no text")
    }
    architecture = name
  }

  func invalid(_ key: String, _ reason: String) -> ModelError {
    .invalidMetadata(key: "\(architecture).\(key)", reason: reason)
  }

  func optionalCount(_ key: String) throws(ModelError) -> Int? {
    guard let value = checkpoint.metadata["\(architecture).\(key)"] else { return nil }
    guard let count = value.asInt, count > 0, count <= Self.largestCount else {
      throw invalid(key, "no positive number that makes sense")
    }
    return count
  }

  func count(_ key: String) throws(ModelError) -> Int {
    guard let value = try optionalCount(key) else { throw invalid(key, "missing") }
    return value
  }

  func optionalNumber(_ key: String) throws(ModelError) -> Double? {
    guard let value = checkpoint.metadata["\(architecture).\(key)"] else { return nil }
    guard let number = value.asDouble, number.isFinite, number > 0 else {
      throw invalid(key, "no positive number")
    }
    return number
  }

  func number(_ key: String) throws(ModelError) -> Double {
    guard let value = try optionalNumber(key) else { throw invalid(key, "missing") }
    return value
  }

  func optionalString(_ key: String) -> String? {
    checkpoint.metadata["\(architecture).\(key)"]?.asString
  }

  /// Above any real model's dimensions, and safe to multiply.
  private static let largestCount = 1 << 28
}
