/// Qwen3: Llama's graph with RMSNorm on each query and key head before the rotation.
///
/// Yang et al., "Qwen3 Technical Report" (arXiv:2505.09388). Head norms are used wherever the
/// checkpoint has them.
enum Qwen3: Architecture {
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph {
    for name in ["attn_q_norm", "attn_k_norm"] {
      _ = try names.required("blk.0.\(name).weight")
    }
    return try PreNormDecoder.graph(configuration, names: names)
  }
}
