/// What writes to and reads from a decoder's residual stream, where that can be rotated.
///
/// RMSNorm without its weight gives Q·norm(x) for Q·x, so every value of the stream may be rotated
/// by one orthogonal Q if all that read it do so through such norms, and all that write to it are
/// linear (QuaRot, Ashkboos et al., 2024, section 4; SliceGPT, 2024, section 3).
struct ResidualStream {
  /// A norm on the stream with the linear weights behind it.
  struct Reader {
    let norm: String
    /// The head's own key where the head is what reads.
    let weights: [String]
    let isHead: Bool
  }

  let width: Int
  let table: String
  private(set) var writers: [LinearRows] = []
  private(set) var readers: [Reader] = []

  /// - Throws: `RewriteError.notRotatable` with the first thing that stands in the way.
  init(_ graph: Graph) throws(RewriteError) {
    let index = GraphIndex(graph)
    guard let first = graph.nodes.first, case .embed(let table, _) = first.operation else {
      throw .notRotatable(reason: "the model does not begin with an embedding")
    }
    self.table = table
    width = graph.widths[first.output.index]
    var stream: Set<ValueID> = [first.output]
    for node in graph.nodes where !stream.isDisjoint(with: node.inputs) {
      switch node.operation {
      case .add:
        writers.append(try Self.writer(node, stream, index))
        stream.insert(node.output)
      case .rmsNorm(let weight, let group, _) where group == width:
        readers.append(try Self.reader(node, norm: weight, index))
      case .layerNorm:
        throw .notRotatable(reason: "LayerNorm takes the mean off, which a rotation does not keep")
      case .addPositions:
        throw .notRotatable(reason: "learned positions are added before a LayerNorm")
      default:
        throw .notRotatable(reason: "something other than an RMSNorm reads the residual stream")
      }
    }
    guard index.readers(of: graph.features).isEmpty, !stream.contains(graph.features) else {
      throw .notRotatable(reason: "no norm stands before the head")
    }
  }

  private static func writer(
    _ node: Node, _ stream: Set<ValueID>, _ index: GraphIndex
  ) throws(RewriteError) -> LinearRows {
    let others = node.inputs.filter { !stream.contains($0) }
    guard node.inputs.count == 2, others.count == 1 else {
      throw .notRotatable(reason: "the residual stream is added to itself")
    }
    if case .rmsNorm(let weight, _, _)? = index.maker(of: others[0])?.operation {
      throw .notRotatable(
        reason: "\"\(weight)\" normalizes what is added to the residual stream, by channel")
    }
    guard let rows = index.linearSource(of: others[0]), rows.count == rows.total,
      index.readers(of: others[0]).count == 1, index.areUsedOnce([rows.weight])
    else {
      throw .notRotatable(reason: "what is added to the residual stream is no linear layer's")
    }
    return rows
  }

  private static func reader(
    _ node: Node, norm: String, _ index: GraphIndex
  ) throws(RewriteError) -> Reader {
    if node.output == index.graph.features {
      return Reader(norm: norm, weights: [index.graph.head], isHead: true)
    }
    guard let weights = index.linearReaders(of: node.output),
      index.areUsedOnce(weights + [norm])
    else {
      throw .notRotatable(reason: "not only linear layers read what \"\(norm)\" normalizes")
    }
    return Reader(norm: norm, weights: weights, isHead: false)
  }
}
