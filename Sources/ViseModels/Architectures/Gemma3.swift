/// Gemma 3 text models.
///
/// "Gemma 3 Technical Report" (arXiv:2503.19786): scaled embedding, norms before and after both
/// halves of a block, norms on query and key heads, GeGLU, and five local layers with a sliding
/// window of their own rotary base to each global one.
enum Gemma3: Architecture {
  static func graph(
    _ configuration: DecoderConfiguration, names: WeightNames
  ) throws(ModelError) -> Graph {
    var builder = GraphBuilder()
    var x = builder.append(
      .embed(
        table: try names.required("token_embd.weight"),
        scale: Float(configuration.width).squareRoot()),
      width: configuration.width)
    for block in 0..<configuration.blockCount {
      builder.cut(at: x)
      x = try appendBlock(block, to: &builder, x, configuration, names)
    }
    builder.cut(at: x)
    let features = builder.rmsNorm(
      x, weight: try names.required("output_norm.weight"), epsilon: configuration.normEpsilon)
    return builder.finish(features: features, head: try PreNormDecoder.headWeight(names))
  }

  private static func appendBlock(
    _ block: Int, to builder: inout GraphBuilder, _ input: ValueID,
    _ configuration: DecoderConfiguration, _ names: WeightNames
  ) throws(ModelError) -> ValueID {
    let prefix = "blk.\(block)"
    let window = configuration.window(ofBlock: block)
    var rope = configuration.rope
    if window != nil {
      rope?.base = configuration.localRopeBase ?? 10_000
      rope?.positionScale = 1
    }
    let attention = AttentionBlock(
      configuration: configuration, names: names, prefix: prefix, rope: rope,
      window: window)
    let feedForward = GatedFeedForward(
      configuration: configuration, names: names, prefix: prefix, activation: .geluMultiply)

    func norm(_ x: ValueID, _ name: String) throws(ModelError) -> ValueID {
      builder.rmsNorm(
        x, weight: try names.required("\(prefix).\(name).weight"),
        epsilon: configuration.normEpsilon)
    }
    var half = try norm(input, "attn_norm")
    half = try attention.append(to: &builder, half)
    let x = builder.add(input, try norm(half, "post_attention_norm"))
    half = try norm(x, "ffn_norm")
    half = try feedForward.append(to: &builder, half)
    return builder.add(x, try norm(half, "post_ffw_norm"))
  }
}
