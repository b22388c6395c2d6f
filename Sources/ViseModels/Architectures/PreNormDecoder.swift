/// The block most decoders share: x + attention(norm(x)), then x + feedForward(norm(x)).
enum PreNormDecoder {
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph {
    var builder = GraphBuilder()
    var x = builder.append(
      .embed(table: try names.required("token_embd.weight"), scale: 1),
      width: configuration.width)
    for block in 0..<configuration.blockCount {
      builder.cut(at: x)
      let prefix = "blk.\(block)"
      let normed = builder.rmsNorm(
        x, weight: try names.required("\(prefix).attn_norm.weight"),
        epsilon: configuration.normEpsilon)
      let attended = try AttentionBlock(
        configuration: configuration, names: names, prefix: prefix, rope: configuration.rope,
        window: configuration.window(ofBlock: block)
      ).append(to: &builder, normed)
      x = builder.add(x, attended)
      let normedAgain = builder.rmsNorm(
        x, weight: try names.required("\(prefix).ffn_norm.weight"),
        epsilon: configuration.normEpsilon)
      x = builder.add(
        x,
        try GatedFeedForward(
          configuration: configuration, names: names, prefix: prefix, activation: .siluMultiply
        ).append(to: &builder, normedAgain))
    }
    builder.cut(at: x)
    let features = builder.rmsNorm(
      x, weight: try names.required("output_norm.weight"), epsilon: configuration.normEpsilon)
    return builder.finish(features: features, head: try headWeight(names))
  }

  /// The output weight, or the embedding where the two are tied.
  static func headWeight(_ names: WeightNames) throws(ModelError) -> String {
    if let head = names.optional("output.weight") { return head }
    return try names.required("token_embd.weight")
  }
}

/// Projections, rotation, attention and output projection of one block.
struct AttentionBlock {
  let configuration: DecoderConfiguration
  let names: WeightNames
  let prefix: String
  let rope: RopeTable?
  let window: Int?

  func append(to builder: inout GraphBuilder, _ x: ValueID) throws(ModelError) -> ValueID {
    let queries = try head(to: &builder, x, "attn_q", heads: configuration.heads)
    let keys = try head(to: &builder, x, "attn_k", heads: configuration.keyValueHeads)
    let values = builder.linear(
      x, weight: try names.required("\(prefix).attn_v.weight"),
      bias: names.optional("\(prefix).attn_v.bias"),
      width: configuration.keyValueHeads * configuration.valueLength)
    let attended = builder.attention(
      queries: queries, keys: keys, values: values,
      AttentionShape(
        heads: configuration.heads, keyValueHeads: configuration.keyValueHeads,
        headLength: configuration.headLength, ownValueLength: configuration.ownValueLength,
        scale: configuration.attentionScale, window: window))
    return builder.linear(
      attended, weight: try names.required("\(prefix).attn_output.weight"),
      bias: names.optional("\(prefix).attn_output.bias"), width: configuration.width)
  }

  /// Projection, optional head norm and rotation of queries or keys.
  private func head(
    to builder: inout GraphBuilder, _ x: ValueID, _ name: String, heads: Int
  ) throws(ModelError) -> ValueID {
    var result = builder.linear(
      x, weight: try names.required("\(prefix).\(name).weight"),
      bias: names.optional("\(prefix).\(name).bias"), width: heads * configuration.headLength)
    if let norm = names.optional("\(prefix).\(name)_norm.weight") {
      result = builder.rmsNorm(
        result, weight: norm, group: configuration.headLength, epsilon: configuration.normEpsilon)
    }
    guard let rope else { return result }
    return builder.rope(
      result,
      RopeShape(
        heads: heads, headLength: configuration.headLength, table: rope,
        isInterleaved: configuration.isRopeInterleaved))
  }
}

/// down(activation(gate(x)) · up(x)).
struct GatedFeedForward {
  let configuration: DecoderConfiguration
  let names: WeightNames
  let prefix: String
  /// `siluMultiply` or `geluMultiply`.
  let activation: Operation

  func append(to builder: inout GraphBuilder, _ x: ValueID) throws(ModelError) -> ValueID {
    let width = configuration.feedForwardWidth
    let gate = builder.linear(
      x, weight: try names.required("\(prefix).ffn_gate.weight"),
      bias: names.optional("\(prefix).ffn_gate.bias"), width: width)
    let up = builder.linear(
      x, weight: try names.required("\(prefix).ffn_up.weight"),
      bias: names.optional("\(prefix).ffn_up.bias"), width: width)
    let hidden = builder.append(activation, gate, up, width: width)
    return builder.linear(
      hidden, weight: try names.required("\(prefix).ffn_down.weight"),
      bias: names.optional("\(prefix).ffn_down.bias"), width: configuration.width)
  }
}
