import Glibc
import ViseCompression
import ViseFormats
import ViseTensor

extension Model {
  /// `config.json` as a Hugging Face folder has it: the source's own, or made from GGUF metadata.
  func hubConfiguration(of plan: Plan, floats: FloatType) throws -> JSONValue {
    let own: JSONValue
    if checkpoint.format == .gguf {
      own = try HubConfigurationWriter(model: self).document()
    } else {
      own = try sourceConfiguration()
    }
    return try described(own, PlanStructure(of: plan, sites: sites))
      .setting("torch_dtype", to: .string(floats.torchName))
  }

  /// `document` with the numbers `shape` changes.
  private func described(_ document: JSONValue, _ shape: PlanStructure) throws -> JSONValue {
    guard !shape.isUnchanged else { return document }
    let configuration = try program.get().configuration
    let isGPT2 = configuration.architecture == "gpt2"
    // Models that also see images keep the text model's numbers apart.
    let inner = document["text_config"]
    var result = inner ?? document
    if let neurons = shape.neurons {
      result = result.setting(isGPT2 ? "n_inner" : "intermediate_size", to: .integer(neurons))
    }
    if let groups = shape.headGroups {
      let heads = groups * (configuration.heads / configuration.keyValueHeads)
      result = result.setting("num_attention_heads", to: .integer(heads))
        .setting("num_key_value_heads", to: .integer(groups))
        .setting("head_dim", to: .integer(configuration.headLength))
    }
    if !shape.removedBlocks.isEmpty {
      let count = configuration.blockCount - shape.removedBlocks.count
      result = result.setting("num_hidden_layers", to: .integer(count))
      if let types = result["layer_types"]?.asArray {
        let kept = types.enumerated().filter { !shape.removedBlocks.contains($0.offset) }
        result = result.setting("layer_types", to: .array(kept.map(\.element)))
      }
    }
    return inner == nil ? result : document.setting("text_config", to: result)
  }

  private func sourceConfiguration() throws -> JSONValue {
    let folder = checkpoint.files.first.map { file in
      file.path.lastIndex(of: "/").map { String(file.path[..<$0]) } ?? "."
    }
    do {
      return try JSONValue.reading((folder ?? ".") + "/config.json")
    } catch {
      throw ExportError.untranslatable("the source has no readable config.json")
    }
  }
}

/// Makes a `config.json` of what a GGUF file says of its model.
struct HubConfigurationWriter {
  private let model: Model
  private let configuration: DecoderConfiguration

  init(model: Model) throws(ModelError) {
    self.model = model
    configuration = try model.program.get().configuration
  }

  /// Class and type names by architecture.
  private static let names = [
    "llama": ("LlamaForCausalLM", "llama"), "qwen2": ("Qwen2ForCausalLM", "qwen2"),
    "qwen3": ("Qwen3ForCausalLM", "qwen3"), "gemma3": ("Gemma3ForCausalLM", "gemma3_text"),
    "gpt2": ("GPT2LMHeadModel", "gpt2"),
  ]

  func document() throws -> JSONValue {
    guard let (className, type) = Self.names[configuration.architecture] else {
      throw ExportError.untranslatable("the architecture \"\(configuration.architecture)\"")
    }
    var members: [(String, JSONValue)] = [
      ("architectures", .array([.string(className)])), ("model_type", .string(type)),
      ("vocab_size", .integer(configuration.vocabularyCount)),
      ("tie_word_embeddings", .bool(model.checkpoint.record(named: "output.weight") == nil)),
    ]
    for (key, name) in [("bos_token_id", "bos"), ("eos_token_id", "eos")] {
      if let id = model.checkpoint.metadata["tokenizer.ggml.\(name)_token_id"]?.asInt {
        members.append((key, .integer(id)))
      }
    }
    members += configuration.architecture == "gpt2" ? gpt2() : try decoder()
    return JSONValue(members: members)
  }

  private func gpt2() -> [(String, JSONValue)] {
    [
      ("n_embd", .integer(configuration.width)), ("n_layer", .integer(configuration.blockCount)),
      ("n_head", .integer(configuration.heads)),
      ("n_inner", .integer(configuration.feedForwardWidth)),
      ("n_positions", .integer(configuration.contextLength)),
      ("n_ctx", .integer(configuration.contextLength)),
      ("layer_norm_epsilon", Self.number(configuration.normEpsilon)),
      ("activation_function", .string("gelu_new")),
    ]
  }

  private func decoder() throws -> [(String, JSONValue)] {
    let isGemma = configuration.architecture == "gemma3"
    let hasBias = model.checkpoint.record(named: "blk.0.attn_q.bias") != nil
    var members: [(String, JSONValue)] = [
      ("hidden_size", .integer(configuration.width)),
      ("num_hidden_layers", .integer(configuration.blockCount)),
      ("intermediate_size", .integer(configuration.feedForwardWidth)),
      ("num_attention_heads", .integer(configuration.heads)),
      ("num_key_value_heads", .integer(configuration.keyValueHeads)),
      ("head_dim", .integer(configuration.headLength)),
      ("rms_norm_eps", Self.number(configuration.normEpsilon)),
      ("max_position_embeddings", .integer(configuration.contextLength)),
      ("attention_bias", .bool(hasBias)),
      isGemma
        ? ("hidden_activation", .string("gelu_pytorch_tanh")) : ("hidden_act", .string("silu")),
    ]
    members += try rope()
    if isGemma { members += gemma() }
    return members
  }

  private func gemma() -> [(String, JSONValue)] {
    let scale = Double(configuration.attentionScale)
    var members: [(String, JSONValue)] = [
      ("query_pre_attn_scalar", .integer(Int((1 / (scale * scale)).rounded()))),
      ("rope_local_base_freq", Self.number(configuration.localRopeBase ?? 10_000)),
    ]
    if let window = configuration.slidingWindow {
      members.append(("sliding_window", .integer(window)))
      members.append(
        (
          "layer_types",
          .array(
            configuration.localBlocks.map {
              .string($0 ? "sliding_attention" : "full_attention")
            })
        ))
    }
    return members
  }

  private func rope() throws -> [(String, JSONValue)] {
    guard let table = configuration.rope else { return [] }
    guard table.rotary == configuration.headLength else {
      throw ExportError.untranslatable("partly rotated heads")
    }
    var members = [("rope_theta", Self.number(table.base))]
    if table.divisors != nil {
      members.append(("rope_scaling", try llama3(table)))
    } else if table.positionScale != 1 {
      members.append(
        (
          "rope_scaling",
          JSONValue(members: [
            ("rope_type", .string("linear")), ("factor", Self.number(table.positionScale)),
          ])
        ))
    }
    return members
  }

  /// The numbers the file's frequency divisors come from, among those Llama 3 models have.
  private func llama3(_ table: RopeTable) throws -> JSONValue {
    guard let key = table.divisors else { return .null }
    let divisors = try model.decodeWeight(key).values.map { Double($0) }
    let factor = (divisors.max() ?? 1).rounded()
    for exponent in 4...20 {
      let scaling = Llama3Scaling(
        factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4,
        originalContextLength: Double(1 << exponent))
      let agrees = divisors.enumerated().allSatisfy { index, divisor in
        let turn = pow(Double(table.base), 2 * Double(index) / Double(table.rotary))
        return abs(scaling.divisor(waveLength: 2 * .pi * turn) / divisor - 1) < 1e-4
      }
      guard agrees else { continue }
      return JSONValue(members: [
        ("rope_type", .string("llama3")), ("factor", .number(factor)),
        ("low_freq_factor", .number(1)), ("high_freq_factor", .number(4)),
        ("original_max_position_embeddings", .integer(1 << exponent)),
      ])
    }
    throw ExportError.untranslatable("the frequency divisors \"\(key)\"")
  }

  /// The shortest decimal that is `value` as a float.
  private static func number(_ value: Float) -> JSONValue {
    .number(Double(String(value)) ?? Double(value))
  }
}
