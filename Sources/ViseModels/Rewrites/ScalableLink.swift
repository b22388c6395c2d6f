/// Channels between what makes a value and the linear weights that read it: dividing one side's
/// and multiplying the other's leaves the model's function the same.
public struct ScalableLink: Sendable {
  /// What makes the channels.
  public enum Kind: String, CaseIterable, Sendable {
    /// A norm's weight, before the projections of a block's half.
    case norm
    /// Value rows, before the output projection; a group of query heads shares them.
    case values
    /// The linear branch of a gated layer, before the projection down.
    case gated
  }

  enum Producer: Sendable {
    case norm(weight: String, bias: String?)
    case rows(LinearRows)
  }

  public let kind: Kind
  let producer: Producer
  /// The weights whose columns are the channels.
  public let consumers: [String]
  /// By column of the consumers, the producer's channel behind it.
  public let channels: [Int]
  public let channelCount: Int

  /// Divides the producer's channels by `factors` and multiplies the consumers' columns.
  func append(_ factors: [Float], to rewrite: inout ModelRewrite) {
    precondition(factors.count == channelCount)
    let inverse = factors.map { 1 / $0 }
    switch producer {
    case .norm(let weight, let bias):
      rewrite.append(.columns(inverse), to: weight)
      if let bias { rewrite.append(.columns(inverse), to: bias) }
    case .rows(let rows):
      rewrite.append(.rows(rows.padded(inverse)), to: rows.weight)
      if let bias = rows.bias { rewrite.append(.columns(rows.padded(inverse)), to: bias) }
    }
    let columns = channels.map { factors[$0] }
    for consumer in consumers { rewrite.append(.columns(columns), to: consumer) }
  }

  /// By channel, the largest of its columns' numbers.
  func largest(_ columns: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: channelCount)
    for (channel, value) in zip(channels, columns) { result[channel] = max(result[channel], value) }
    return result
  }

  /// By column, the root of the mean of `squares` over all columns of its channel.
  func sharedMagnitudes(_ squares: [Float]) -> [Float] {
    var sums = [Float](repeating: 0, count: channelCount)
    var counts = sums
    for (channel, value) in zip(channels, squares) {
      sums[channel] += max(value, 0)
      counts[channel] += 1
    }
    return channels.map { (sums[$0] / counts[$0]).squareRoot() }
  }
}

extension ScalableLink {
  /// All links of a graph, in the order of the data's path.
  public static func all(in graph: Graph) -> [ScalableLink] {
    let index = GraphIndex(graph)
    return graph.nodes.compactMap { node in
      switch node.operation {
      case .rmsNorm(let weight, let group, _) where group == graph.widths[node.output.index]:
        norm(node, weight: weight, bias: nil, index)
      case .layerNorm(let weight, let bias, _):
        norm(node, weight: weight, bias: bias, index)
      case .attention(let shape):
        values(node, shape, index)
      case .siluMultiply, .geluMultiply:
        gated(node, index)
      default: nil
      }
    }
  }

  private static func norm(
    _ node: Node, weight: String, bias: String?, _ index: GraphIndex
  ) -> ScalableLink? {
    guard let consumers = index.linearReaders(of: node.output),
      index.areUsedOnce(consumers + [weight] + (bias.map { [$0] } ?? []))
    else { return nil }
    let width = index.graph.widths[node.output.index]
    return ScalableLink(
      kind: .norm, producer: .norm(weight: weight, bias: bias), consumers: consumers,
      channels: Array(0..<width), channelCount: width)
  }

  private static func values(
    _ node: Node, _ shape: AttentionShape, _ index: GraphIndex
  ) -> ScalableLink? {
    let group = shape.heads / shape.keyValueHeads
    let length = shape.valueLength
    let channels = (0..<shape.heads * length).map { column in
      column / length / group * length + column % length
    }
    return rows(
      .values, of: node.inputs[2], before: node.output, channels: channels, index)
  }

  private static func gated(_ node: Node, _ index: GraphIndex) -> ScalableLink? {
    let width = index.graph.widths[node.output.index]
    return rows(
      .gated, of: node.inputs[1], before: node.output, channels: Array(0..<width), index)
  }

  private static func rows(
    _ kind: Kind, of value: ValueID, before result: ValueID, channels: [Int],
    _ index: GraphIndex
  ) -> ScalableLink? {
    guard let rows = index.linearSource(of: value), index.readers(of: value).count == 1,
      let consumers = index.linearReaders(of: result),
      index.areUsedOnce(consumers + [rows.weight] + (rows.bias.map { [$0] } ?? []))
    else { return nil }
    return ScalableLink(
      kind: kind, producer: .rows(rows), consumers: consumers, channels: channels,
      channelCount: rows.count)
  }
}
