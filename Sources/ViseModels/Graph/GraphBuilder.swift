/// Puts a graph together; architectures call it in the order data flows.
struct GraphBuilder {
  private var nodes: [Node] = []
  private var widths: [Int] = []
  private var cuts: [Graph.Cut] = []

  /// Appends an operation whose result has `width` features.
  mutating func append(_ operation: Operation, _ inputs: ValueID..., width: Int) -> ValueID {
    let output = ValueID(index: widths.count)
    widths.append(width)
    nodes.append(Node(operation: operation, inputs: inputs, output: output))
    return output
  }

  /// Marks `value` as all that the nodes to come need; call it before each block and after the last.
  mutating func cut(at value: ValueID) {
    cuts.append(Graph.Cut(value: value, node: nodes.count))
  }

  func width(of value: ValueID) -> Int { widths[value.index] }

  func finish(features: ValueID, head: String) -> Graph {
    var lastUses = [Int](repeating: -1, count: widths.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { lastUses[input.index] = index }
    }
    return Graph(
      nodes: nodes, widths: widths, cuts: cuts, features: features, head: head, lastUses: lastUses)
  }
}

extension GraphBuilder {
  mutating func linear(_ x: ValueID, weight: String, bias: String? = nil, width: Int) -> ValueID {
    append(.linear(weight: weight, bias: bias), x, width: width)
  }

  /// RMS normalization of whole rows, or of each head where `group` is given.
  mutating func rmsNorm(_ x: ValueID, weight: String, group: Int? = nil, epsilon: Float) -> ValueID
  {
    append(
      .rmsNorm(weight: weight, group: group ?? width(of: x), epsilon: epsilon), x,
      width: width(of: x))
  }

  mutating func add(_ a: ValueID, _ b: ValueID) -> ValueID {
    append(.add, a, b, width: width(of: a))
  }

  mutating func rope(_ x: ValueID, _ shape: RopeShape) -> ValueID {
    append(.rope(shape), x, width: width(of: x))
  }

  mutating func attention(
    queries: ValueID, keys: ValueID, values: ValueID, _ shape: AttentionShape
  ) -> ValueID {
    append(.attention(shape), queries, keys, values, width: shape.heads * shape.valueLength)
  }
}
