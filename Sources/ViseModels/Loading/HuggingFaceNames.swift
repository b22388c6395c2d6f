import ViseFormats

/// Canonical names and storage habits of Hugging Face checkpoints.
enum HuggingFaceNames {
  /// The canonical name of a Hugging Face key, or `nil` for a tensor no graph uses.
  static func canonical(_ key: String, architecture: String) -> String? {
    var parts = key.split(separator: ".").map(String.init)
    while let first = parts.first, wrappers.contains(first) { parts.removeFirst() }
    guard let suffix = parts.popLast(), suffix == "weight" || suffix == "bias" else { return nil }
    if parts.count > 2, ["layers", "h"].contains(parts[0]), let block = Int(parts[1]) {
      let path = parts.dropFirst(2).joined(separator: ".")
      let table = architecture == "gemma3" ? gemmaBlockNames : blockNames
      return table[path].map { "blk.\(block).\($0).\(suffix)" }
    }
    return outerNames[parts.joined(separator: ".")].map { "\($0).\(suffix)" }
  }

  /// The Hugging Face key of `canonical`, or `nil` where the architecture has none.
  ///
  /// Keys are those of a model for text alone, such as `model.layers.0.mlp.up_proj.weight`.
  static func key(of canonical: String, architecture: String) -> String? {
    var parts = canonical.split(separator: ".").map(String.init)
    guard let suffix = parts.popLast(), suffix == "weight" || suffix == "bias" else { return nil }
    let isGPT2 = architecture == "gpt2"
    let wrapper = isGPT2 ? "transformer" : "model"
    if parts.count == 3, parts[0] == "blk", let block = Int(parts[1]) {
      let table = architecture == "gemma3" ? gemmaBlockNames : blockNames
      let path = table.first { $0.value == parts[2] && isGPT2Path($0.key) == isGPT2 }?.key
      return path.map { "\(wrapper).\(isGPT2 ? "h" : "layers").\(block).\($0).\(suffix)" }
    }
    let name = parts.joined(separator: ".")
    if name == "output" { return "lm_head.\(suffix)" }
    let gpt2Names: Set = ["wte", "wpe", "ln_f"]
    let path = outerNames.first { $0.value == name && gpt2Names.contains($0.key) == isGPT2 }?.key
    return path.map { "\(wrapper).\($0).\(suffix)" }
  }

  private static func isGPT2Path(_ path: String) -> Bool {
    path.hasPrefix("ln_") || path.hasPrefix("attn.") || path.hasPrefix("mlp.c_")
  }

  /// Modules around the text model.
  private static let wrappers: Set<String> = ["model", "transformer", "language_model"]

  private static let outerNames = [
    "embed_tokens": "token_embd", "wte": "token_embd", "wpe": "position_embd",
    "norm": "output_norm", "ln_f": "output_norm", "lm_head": "output",
  ]

  private static let blockNames = [
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
  ]

  private static let gemmaBlockNames = blockNames.merging(
    [
      "post_attention_layernorm": "post_attention_norm",
      "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    ], uniquingKeysWith: { _, new in new })

  /// How `canonical` is stored differently from what the graph computes with.
  static func storage(of canonical: String, architecture: String) -> WeightStorage {
    if architecture == "gpt2", canonical.hasPrefix("blk."), canonical.hasSuffix(".weight"),
      !canonical.contains("norm")
    {
      return .transposed
    }
    if architecture == "gemma3", canonical.hasSuffix("norm.weight") { return .minusOne }
    return .plain
  }
}

/// How a checkpoint stores a weight.
enum WeightStorage: Hashable, Sendable {
  /// As the graph uses it.
  case plain
  /// Inputs × outputs.
  case transposed
  /// Without the 1 that is added before use (Gemma's norms).
  case minusOne
}
