import ViseTensor

/// Rotates the residual stream, and the values of each head, so that no channel stands out.
///
/// QuaRot (Ashkboos et al., "QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs", 2024, section
/// 4, stages 1a and 1c), offline: norms' weights go into the linear layers behind them, which read
/// W·diag(g)·Qᵀ; layers that write to the stream become Q·W; the embedding's rows are rotated; a
/// tied head is stored apart. Value rows and the output projection's columns are rotated head by
/// head. What would have to be rotated while the model runs is left as it is.
public struct RotationRewrite: Sendable {
  /// The residual stream's rotation.
  public let residual: Rotation
  /// Whether values are rotated head by head too.
  public let rotatesHeads: Bool
  public let seed: UInt64

  /// Hadamard with random signs on the stream of `model`.
  public static func hadamard(_ model: Model, seed: UInt64) throws -> RotationRewrite {
    let stream = try ResidualStream(try model.program.get().graph)
    return RotationRewrite(
      residual: .hadamard(RandomizedHadamard(length: stream.width, seed: seed)),
      rotatesHeads: true, seed: seed)
  }

  /// Adds the rotation to `rewrite` of `model`.
  public func append(to rewrite: inout ModelRewrite, of model: Model) throws {
    let graph = try model.program.get().graph
    let stream = try ResidualStream(graph)
    precondition(residual.length == stream.width)
    let isTied = graph.head == stream.table
    if isTied { rewrite.untie(head: Self.headKey, from: stream.table) }
    for reader in stream.readers {
      let gains = try rewrite.weight(reader.norm, of: model).values
      for weight in reader.isHead && isTied ? [Self.headKey] : reader.weights {
        rewrite.append(.columns(gains), to: weight)
        rewrite.append(.rotateRows(residual), to: weight)
      }
      rewrite.append(.fill(1), to: reader.norm)
    }
    for writer in stream.writers {
      rewrite.append(.rotateColumns(residual), to: writer.weight)
      if let bias = writer.bias { rewrite.append(.rotateRows(residual), to: bias) }
    }
    rewrite.append(.rotateRows(residual), to: stream.table)
    if rotatesHeads { appendHeads(to: &rewrite, graph) }
  }

  /// What GGUF files call a head of its own.
  private static let headKey = "output.weight"

  private func appendHeads(to rewrite: inout ModelRewrite, _ graph: Graph) {
    let index = GraphIndex(graph)
    for node in graph.nodes {
      guard case .attention(let shape) = node.operation,
        let values = index.linearSource(of: node.inputs[2]), values.count == values.total,
        index.readers(of: node.inputs[2]).count == 1,
        let consumers = index.linearReaders(of: node.output),
        index.areUsedOnce(consumers + [values.weight])
      else { continue }
      let rotation = Rotation.hadamard(RandomizedHadamard(length: shape.valueLength, seed: seed))
      rewrite.append(.rotateColumns(rotation), to: values.weight)
      if let bias = values.bias { rewrite.append(.rotateRows(rotation), to: bias) }
      for weight in consumers { rewrite.append(.rotateRows(rotation), to: weight) }
    }
  }
}
