import ViseFormats

/// Reads a decoder's configuration from GGUF metadata, with the defaults llama.cpp has.
enum GGUFConfiguration {
  static func read(_ checkpoint: Checkpoint) throws(ModelError) -> DecoderConfiguration {
    let reader = try MetadataReader(checkpoint)
    let architecture = reader.architecture
    guard ArchitectureRegistry.architectures[architecture] != nil else {
      throw .unsupportedArchitecture(architecture)
    }
    if try reader.optionalNumber("final_logit_softcapping") != nil {
      throw reader.invalid("final_logit_softcapping", "capped logits are not supported")
    }
    let width = try reader.count("embedding_length")
    let heads = try reader.count("attention.head_count")
    let headLength = try headLength(reader, width: width, heads: heads)
    let keyValueHeads = try reader.optionalCount("attention.head_count_kv") ?? heads
    guard heads % keyValueHeads == 0 else {
      throw reader.invalid("attention.head_count_kv", "does not divide the number of heads")
    }
    let isGPT2 = architecture == "gpt2"
    let valueLength = try ownValueLength(reader, headLength: headLength)
    if isGPT2, keyValueHeads != heads || (valueLength ?? headLength) * heads != width {
      throw reader.invalid("attention.head_count", "heads of gpt2 must split the width evenly")
    }
    let vocabulary = checkpoint.record(named: "token_embd.weight")?.shape.first ?? 0
    var configuration = DecoderConfiguration(
      architecture: architecture, blockCount: try blockCount(reader), width: width,
      feedForwardWidth: try reader.count("feed_forward_length"), heads: heads,
      keyValueHeads: keyValueHeads, headLength: headLength,
      ownValueLength: valueLength,
      normEpsilon: Float(
        try reader.number(
          isGPT2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon")),
      rope: isGPT2 ? nil : try rope(reader, headLength, checkpoint),
      contextLength: try reader.count("context_length"), vocabularyCount: vocabulary,
      attentionScale: 1 / Float(headLength).squareRoot(),
      isRopeInterleaved: architecture == "llama")
    if architecture == "gemma3" { try readGemma(reader, into: &configuration) }
    return configuration
  }

  private static func headLength(
    _ reader: MetadataReader, width: Int, heads: Int
  ) throws(ModelError) -> Int {
    let length = try reader.optionalCount("attention.key_length") ?? width / heads
    guard length > 0, length % 2 == 0 else {
      throw reader.invalid("attention.head_count", "heads of odd or no length")
    }
    return length
  }

  /// The length of value heads where it is not that of keys.
  private static func ownValueLength(
    _ reader: MetadataReader, headLength: Int
  ) throws(ModelError) -> Int? {
    guard let length = try reader.optionalCount("attention.value_length"), length != headLength
    else { return nil }
    // Only where no rotary embedding needs keys of the heads' own length can they be the shorter ones.
    guard length > 0, (length < headLength) != (reader.architecture == "gpt2") else {
      throw reader.invalid("attention.value_length", "no length value heads can have here")
    }
    return length
  }

  private static func blockCount(_ reader: MetadataReader) throws(ModelError) -> Int {
    let count = try reader.count("block_count")
    guard count <= DecoderConfiguration.mostBlocks else {
      throw reader.invalid("block_count", "no positive number that makes sense")
    }
    return count
  }

  /// What only Gemma 3 has: local blocks with a rotary base of their own.
  private static func readGemma(
    _ reader: MetadataReader, into configuration: inout DecoderConfiguration
  ) throws(ModelError) {
    if configuration.blockCount == 62 {
      // The 27 B model's scores are scaled by its width per head, not by its heads' length.
      let length = configuration.width / configuration.heads
      guard length > 0 else {
        throw reader.invalid("attention.head_count", "more heads than features")
      }
      configuration.attentionScale = 1 / Float(length).squareRoot()
    }
    guard let window = try reader.optionalCount("attention.sliding_window", zeroIsNone: true)
    else { return }
    configuration.slidingWindow = window
    configuration.localRopeBase = try reader.optionalNumber("rope.freq_base_swa").map { Float($0) }
    configuration.localBlocks = try localBlocks(reader, count: configuration.blockCount)
  }

  /// Local blocks: stated one by one, or all but every n-th.
  private static func localBlocks(
    _ reader: MetadataReader, count: Int
  ) throws(ModelError) -> [Bool] {
    let key = "attention.sliding_window_pattern"
    if let stated = reader.value(key)?.asArray {
      let value = MetadataValue.array(stated)
      guard let flags = value.asBools ?? value.asInts?.map({ $0 != 0 }), flags.count >= count
      else { throw reader.invalid(key, "does not say for each block whether it is local") }
      return Array(flags.prefix(count))
    }
    let period = try reader.optionalCount(key) ?? 6
    return (0..<count).map { $0 % period < period - 1 }
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
    case "none":
      break
    case nil, "linear":
      let isOld = reader.value("rope.scaling.factor") == nil
      let key = isOld ? "rope.scale_linear" : "rope.scaling.factor"
      if let factor = try reader.optionalNumber(key, zeroIsNone: true) {
        table.positionScale = Float(factor)
      }
    case let other?:
      throw reader.invalid("rope.scaling.type", "scaling \"\(other)\" is not supported")
    }
    if reader.architecture == "llama", checkpoint.record(named: "rope_freqs.weight") != nil {
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

  func value(_ key: String) -> MetadataValue? {
    checkpoint.metadata["\(architecture).\(key)"]
  }

  func optionalCount(_ key: String, zeroIsNone: Bool = false) throws(ModelError) -> Int? {
    guard let value = value(key), !(zeroIsNone && value.asInt == 0) else { return nil }
    guard let count = value.asInt, count > 0, count <= ConfigurationLimits.largestCount else {
      throw invalid(key, "no positive number that makes sense")
    }
    return count
  }

  func count(_ key: String) throws(ModelError) -> Int {
    guard let value = try optionalCount(key) else { throw invalid(key, "missing") }
    return value
  }

  func optionalNumber(_ key: String, zeroIsNone: Bool = false) throws(ModelError) -> Double? {
    guard let value = value(key), !(zeroIsNone && value.asDouble == 0) else { return nil }
    guard let number = value.asDouble, ConfigurationLimits.isUsable(number) else {
      throw invalid(key, "no positive number")
    }
    return number
  }

  func number(_ key: String) throws(ModelError) -> Double {
    guard let value = try optionalNumber(key) else { throw invalid(key, "missing") }
    return value
  }

  func optionalString(_ key: String) -> String? { value(key)?.asString }
}

/// What numbers of a configuration may be.
enum ConfigurationLimits {
  /// Above any real model's dimensions, and safe to multiply.
  static let largestCount = 1 << 28

  /// Whether a number is positive and finite, as a float too.
  static func isUsable(_ number: Double) -> Bool {
    Float(number).isFinite && Float(number) > 0
  }
}
