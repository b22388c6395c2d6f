public import ViseTensor

/// Sequences of equal length, one after the other: what one pass through the graph works on.
public struct TokenBatch: Hashable, Sendable {
  public let tokens: [Int32]
  public let sequenceLength: Int

  public init(tokens: [Int32], sequenceLength: Int) {
    precondition(sequenceLength > 0 && tokens.count % sequenceLength == 0)
    self.tokens = tokens
    self.sequenceLength = sequenceLength
  }

  public var sequenceCount: Int { tokens.count / sequenceLength }
}

/// The value at a cut of the graph: with it, a pass can start at that cut.
public struct ActivationCheckpoint: Sendable {
  /// Index of the cut.
  public let cut: Int
  /// Tokens × features.
  public let value: Matrix

  public init(cut: Int, value: Matrix) {
    self.cut = cut
    self.value = value
  }

  public var byteCount: Int { value.buffer.byteCount }
}

/// Runs a graph on float32 activations, on the calling thread.
///
/// Each worker has an executor of its own; they share the graph and the weights.
public final class Executor {
  private let graph: Graph
  private let ropeTables: RopeTableCache
  let scratch = Scratch()
  /// Tokens and sequence length of the last pass, which the scratch buffers fit.
  private var shape = (0, 0)

  public init(graph: Graph, ropeTables: RopeTableCache) {
    self.graph = graph
    self.ropeTables = ropeTables
  }

  /// The final features of `batch`, tokens × features, in storage of their own.
  ///
  /// - Parameters:
  ///   - start: an earlier pass's value at a cut before every changed weight; `nil` starts at the
  ///     tokens.
  ///   - keep: called with the value at each cut passed, to be copied if it is to be kept.
  /// - Throws: `CancelledError` between two operations, `ModelError` or what `weights` throws.
  public func features(
    of batch: TokenBatch, weights: some WeightSource, from start: ActivationCheckpoint? = nil,
    cancellation: CancellationFlag, keep: (ActivationCheckpoint) -> Void = { _ in }
  ) throws -> Matrix {
    if shape != (batch.tokens.count, batch.sequenceLength) {
      scratch.clear()
      shape = (batch.tokens.count, batch.sequenceLength)
    }
    var values = [Matrix?](repeating: nil, count: graph.widths.count)
    var firstNode = 0
    var nextCut = 0
    var borrowed: ValueID?
    if let start {
      let cut = graph.cuts[start.cut]
      values[cut.value.index] = start.value
      borrowed = cut.value
      firstNode = cut.node
      nextCut = start.cut + 1
    }
    for index in firstNode..<graph.nodes.count {
      try cancellation.check()
      while nextCut < graph.cuts.count, graph.cuts[nextCut].node == index {
        keepCut(nextCut, values, keep)
        nextCut += 1
      }
      let node = graph.nodes[index]
      values[node.output.index] = try run(node, batch, values, weights)
      for input in Set(node.inputs) where graph.lastUses[input.index] == index {
        if let matrix = values[input.index], input != borrowed { scratch.give(matrix) }
        values[input.index] = nil
      }
    }
    guard let features = values[graph.features.index] else {
      preconditionFailure("a graph's features come from its last node")
    }
    defer { scratch.give(features) }
    return features.copy()
  }

  private func keepCut(
    _ index: Int, _ values: [Matrix?], _ keep: (ActivationCheckpoint) -> Void
  ) {
    guard let value = values[graph.cuts[index].value.index] else { return }
    keep(ActivationCheckpoint(cut: index, value: value))
  }

  private func run(
    _ node: Node, _ batch: TokenBatch, _ values: [Matrix?], _ weights: some WeightSource
  ) throws -> Matrix {
    let output = scratch.take(
      rows: batch.tokens.count, columns: graph.widths[node.output.index])
    let inputs = node.inputs.map { id in
      guard let value = values[id.index] else {
        preconditionFailure("a graph is in topological order")
      }
      return value
    }
    let operations = OperationRunner(batch: batch, scratch: scratch, ropeTables: ropeTables)
    try operations.run(node.operation, inputs, weights, into: output)
    return output
  }
}
