import Testing
import ViseTensor

@testable import ViseFormats
@testable import ViseModels

/// Metadata nobody should trust: a model opens with an error or runs, and never traps.
@Suite struct HostileConfigurationTests {
  private static let values: [MetadataValue] = [
    .uint32(0), .uint32(1), .uint32(2), .uint32(3), .uint32(7), .uint32(.max), .int32(-1),
    .int32(.min), .int64(.max), .int64(.min), .uint64(.max), .uint64(1 << 28), .float32(.nan),
    .float32(.infinity), .float32(-1), .float32(0), .float64(1e300), .float64(1e-300),
    .string(""), .string("yarn"), .string("linear"), .bool(true), .bool(false),
    .array(MetadataArray(elementType: .uint32, values: [])),
    .array(MetadataArray(elementType: .bool, values: [.bool(true)])),
  ]

  @Test(arguments: FixtureModel.all, 0..<30 as Range<UInt64>)
  func mutatedMetadataNeverTraps(name: String, seed: UInt64) throws {
    var random = RandomSource(seed: seed)
    for source in [try FixtureModel(name: name).gguf(), try FixtureModel(name: name).hub()] {
      var metadata = source.checkpoint.metadata
      let keys = metadata.keys.filter { !$0.hasPrefix("tokenizer.") } + Self.unusedKeys(name)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        guard let key = keys.randomElement(using: &random) else { continue }
        metadata[key] = Self.values.randomElement(using: &random)
      }
      try expectErrorOrRun(try source.checkpoint.with(metadata: metadata))
    }
  }

  @Test(arguments: FixtureModel.all, 0..<20 as Range<UInt64>)
  func mutatedTensorsNeverTrap(name: String, seed: UInt64) throws {
    var random = RandomSource(seed: seed)
    for source in [try FixtureModel(name: name).gguf(), try FixtureModel(name: name).hub()] {
      var tensors = source.checkpoint.tensors
      let index = Int.random(in: 0..<tensors.count, using: &random)
      let old = tensors[index]
      switch Int.random(in: 0..<5, using: &random) {
      case 0: tensors.remove(at: index)
      case 1: tensors[index] = old.with(shape: old.shape.reversed())
      case 2: tensors[index] = old.with(shape: old.shape + [1])
      case 3: tensors[index] = old.with(shape: [])
      default: tensors[index] = old.with(type: .i8)
      }
      try expectErrorOrRun(try source.checkpoint.with(tensors: tensors))
    }
  }

  /// Keys the fixtures do not have but a configuration may.
  private static func unusedKeys(_ name: String) -> [String] {
    let architecture = name == "mistral" ? "llama" : name
    return [
      "attention.key_length", "attention.value_length", "attention.head_count_kv",
      "attention.sliding_window", "attention.sliding_window_pattern", "rope.dimension_count",
      "rope.scaling.type", "rope.scaling.factor", "rope.freq_base_swa", "final_logit_softcapping",
    ].map { "\(architecture).\($0)" } + [
      "head_dim", "rope_parameters.rope_theta", "rope_parameters.rope_type",
      "rope_scaling.rope_type", "rope_scaling.factor", "layer_types", "sliding_window",
      "use_sliding_window", "sliding_window_pattern", "query_pre_attn_scalar",
    ]
  }

  private func expectErrorOrRun(_ checkpoint: Checkpoint) throws {
    let model = Model(checkpoint: checkpoint)
    guard case .success = model.program else { return }
    let features = try ModelRun(model).features([1, 2, 3, 4])
    #expect(features.rows == 4)
  }
}

/// What each single fault is called.
@Suite struct ConfigurationErrorTests {
  @Test(arguments: [
    ("attention.head_count", MetadataValue.uint32(0)), ("attention.head_count", .uint32(.max)),
    ("attention.head_count", .int32(-4)), ("attention.head_count", .uint32(3)),
    ("attention.head_count", .string("four")), ("attention.head_count_kv", .uint32(0)),
    ("attention.head_count_kv", .uint32(3)), ("attention.head_count_kv", .uint32(5)),
    ("attention.key_length", .uint32(7)), ("attention.key_length", .uint32(0)),
    ("attention.value_length", .uint32(16)), ("block_count", .uint32(0)),
    ("block_count", .uint32(1 << 27)), ("embedding_length", .uint64(.max)),
    ("attention.layer_norm_rms_epsilon", .float32(.nan)), ("rope.freq_base", .float32(0)),
    ("rope.freq_base", .float64(1e300)), ("rope.dimension_count", .uint32(7)),
    ("rope.dimension_count", .uint32(64)), ("rope.scaling.type", .string("yarn")),
    ("rope.scaling.factor", .float32(-2)), ("context_length", .bool(true)),
  ])
  func aSenselessGGUFNumberIsNamed(key: String, value: MetadataValue) throws {
    let model = try changed("qwen2", metadata: ["qwen2.\(key)": value])
    guard case .failure(.invalidMetadata(let named, let reason)) = model.program else {
      Issue.record("\(key) = \(value) was accepted")
      return
    }
    #expect(named.hasPrefix("qwen2."))
    #expect(!reason.isEmpty)
  }

  @Test(arguments: [
    ("num_attention_heads", MetadataValue.int64(0)), ("num_attention_heads", .int64(.max)),
    ("num_attention_heads", .float64(4)), ("num_key_value_heads", .int64(-2)),
    ("num_key_value_heads", .int64(3)), ("num_hidden_layers", .int64(1 << 27)),
    ("hidden_size", .string("32")), ("rms_norm_eps", .float64(0)), ("rope_theta", .float64(1e300)),
    ("hidden_act", .string("relu")), ("rope_scaling.rope_type", .string("yarn")),
    ("rope_scaling.high_freq_factor", .float64(0.5)), ("rope_scaling.factor", .bool(true)),
    ("rope_scaling.low_freq_factor", .string("1")),
  ])
  func aSenselessHubNumberIsNamed(key: String, value: MetadataValue) throws {
    let model = try changed("llama", hub: true, metadata: [key: value])
    guard case .failure(.invalidMetadata(let named, _)) = model.program else {
      Issue.record("\(key) = \(value) was accepted")
      return
    }
    #expect(named == key || key == "num_attention_heads" || key.hasPrefix("rope_scaling"))
  }

  @Test func aMissingWeightIsNamed() throws {
    let source = try FixtureModel(name: "llama").gguf().checkpoint
    for missing in source.tensors.map(\.name) where missing != "rope_freqs.weight" {
      let model = Model(
        checkpoint: try source.with(tensors: source.tensors.filter { $0.name != missing }))
      #expect(throws: ModelError.missingWeight(missing)) { try model.program.get() }
    }
  }

  @Test func aWrongShapeIsNamed() throws {
    let source = try FixtureModel(name: "qwen3").gguf().checkpoint
    for (index, tensor) in source.tensors.enumerated() where tensor.name != "token_embd.weight" {
      var tensors = source.tensors
      tensors[index] = tensor.with(shape: tensor.shape + [1])
      let model = Model(checkpoint: try source.with(tensors: tensors))
      #expect(
        throws: ModelError.shapeMismatch(
          weight: tensor.name, expected: tensor.shape, found: tensor.shape + [1])
      ) { try model.program.get() }
    }
  }

  @Test func aTypeWithoutADecoderIsNamed() throws {
    let source = try FixtureModel(name: "llama").gguf().checkpoint
    let name = "blk.1.ffn_up.weight"
    let tensors = source.tensors.map { $0.name == name ? $0.with(type: .q8_1) : $0 }
    let model = Model(checkpoint: try source.with(tensors: tensors))
    #expect(throws: ModelError.undecodable(weight: name, type: "q8_1")) { try model.program.get() }
  }

  @Test func anUnknownArchitectureStillListsItsTensors() throws {
    let model = try changed("llama", metadata: ["general.architecture": .string("mamba")])
    #expect(throws: ModelError.unsupportedArchitecture("mamba")) { try model.program.get() }
    #expect(model.architecture == "mamba")
    #expect(model.sites.count == 15)
  }

  private func changed(
    _ name: String, hub: Bool = false, metadata changes: [String: MetadataValue]
  ) throws -> Model {
    let fixture = FixtureModel(name: name)
    let source = hub ? try fixture.hub() : try fixture.gguf()
    var metadata = source.checkpoint.metadata
    for (key, value) in changes { metadata[key] = value }
    return Model(checkpoint: try source.checkpoint.with(metadata: metadata))
  }
}

extension Checkpoint {
  /// The same files under other metadata or with other records.
  func with(
    metadata: Metadata? = nil, tensors: [TensorRecord]? = nil
  ) throws(CheckpointError) -> Checkpoint {
    try Checkpoint(
      format: format, path: path, files: files, metadata: metadata ?? self.metadata,
      tensors: tensors ?? self.tensors)
  }
}

extension TensorRecord {
  /// The record with another shape or type; it stays within the bytes it had.
  func with(shape: [Int]? = nil, type: StorageType? = nil) -> TensorRecord {
    let (shape, type) = (shape ?? self.shape, type ?? self.type)
    let count = type.byteCount(elements: shape.reduce(1, *)) ?? byteCount
    return TensorRecord(
      name: name, shape: shape, type: type, fileIndex: fileIndex, offset: offset,
      byteCount: min(count, byteCount))
  }
}
