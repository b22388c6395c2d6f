/// Llama and the models that share its graph: Mistral, SmolLM, TinyLlama.
///
/// Touvron et al., "LLaMA: Open and Efficient Foundation Language Models" (arXiv:2302.13971):
/// pre-normalization with RMSNorm, rotary positions, grouped-query attention, SwiGLU.
enum Llama: Architecture {
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph {
    try PreNormDecoder.graph(configuration, names: names)
  }
}
