/// GPT-2: learned positions, LayerNorm, one projection for queries, keys and values, GELU.
///
/// Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
enum GPT2: Architecture {
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph {
    var builder = GraphBuilder()
    var x = builder.append(
      .embed(table: try names.required("token_embd.weight"), scale: 1), width: configuration.width)
    x = builder.append(
      .addPositions(table: try names.required("position_embd.weight")), x,
      width: configuration.width)
    for block in 0..<configuration.blockCount {
      builder.cut(at: x)
      let prefix = "blk.\(block)"
      let attended = try appendAttention(
        to: &builder, try norm(to: &builder, x, "\(prefix).attn_norm", configuration, names),
        prefix, configuration, names)
      x = builder.add(x, attended)
      let hidden = try linear(
        to: &builder, try norm(to: &builder, x, "\(prefix).ffn_norm", configuration, names),
        "\(prefix).ffn_up", width: configuration.feedForwardWidth, names)
      let activated = builder.append(.gelu, hidden, width: configuration.feedForwardWidth)
      x = builder.add(
        x,
        try linear(
          to: &builder, activated, "\(prefix).ffn_down", width: configuration.width, names))
    }
    builder.cut(at: x)
    let features = try norm(to: &builder, x, "output_norm", configuration, names)
    return builder.finish(features: features, head: try PreNormDecoder.headWeight(names))
  }

  private static func appendAttention(
    to builder: inout GraphBuilder, _ x: ValueID, _ prefix: String,
    _ configuration: DecoderConfiguration, _ names: WeightNames
  ) throws(ModelError) -> ValueID {
    let width = configuration.width
    let keyWidth = configuration.heads * configuration.headLength
    let fused = try linear(
      to: &builder, x, "\(prefix).attn_qkv", width: 2 * keyWidth + width, names)
    let queries = builder.append(.slice(start: 0), fused, width: keyWidth)
    let keys = builder.append(.slice(start: keyWidth), fused, width: keyWidth)
    let values = builder.append(.slice(start: 2 * keyWidth), fused, width: width)
    let attended = builder.attention(
      queries: queries, keys: keys, values: values,
      AttentionShape(
        heads: configuration.heads, keyValueHeads: configuration.heads,
        headLength: configuration.headLength, ownValueLength: configuration.ownValueLength,
        scale: configuration.attentionScale, window: nil))
    return try linear(to: &builder, attended, "\(prefix).attn_output", width: width, names)
  }

  private static func norm(
    to builder: inout GraphBuilder, _ x: ValueID, _ name: String,
    _ configuration: DecoderConfiguration, _ names: WeightNames
  ) throws(ModelError) -> ValueID {
    builder.append(
      .layerNorm(
        weight: try names.required("\(name).weight"), bias: try names.required("\(name).bias"),
        epsilon: configuration.normEpsilon),
      x, width: configuration.width)
  }

  private static func linear(
    to builder: inout GraphBuilder, _ x: ValueID, _ name: String, width: Int, _ names: WeightNames
  ) throws(ModelError) -> ValueID {
    builder.linear(
      x, weight: try names.required("\(name).weight"), bias: names.optional("\(name).bias"),
      width: width)
  }
}
