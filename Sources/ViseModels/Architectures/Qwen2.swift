/// Qwen2 and Qwen2.5: Llama's graph with biases on queries, keys and values.
///
/// Yang et al., "Qwen2 Technical Report" (arXiv:2407.10671). Biases are used wherever the
/// checkpoint has them.
enum Qwen2: Architecture {
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph {
    for name in ["attn_q", "attn_k", "attn_v"] {
      _ = try names.required("blk.0.\(name).bias")
    }
    return try PreNormDecoder.graph(configuration, names: names)
  }
}
