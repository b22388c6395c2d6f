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
  ///   - known: an earlier pass of `batch` from which this one differs little; its figures are
  ///     then off by about half a percent of what changes.
  ///   - keep: called with the value at each cut passed, to be copied if it is to be kept.
  /// - Throws: `CancelledError` between two operations, `ModelError` or what `weights` throws.
  public func features(
    of batch: TokenBatch, weights: some WeightSource, from start: ActivationCheckpoint? = nil,
    changing known: KnownPass? = nil, cancellation: CancellationFlag,
    keep: (ActivationCheckpoint) -> Void = { _ in }
  ) throws -> Matrix {
    try takeFeatures(
      run(
        batch, weights, from: start, through: graph.nodes.count - 1, changing: known, cancellation,
        keep: keep))
  }

  /// As `features`, from the tokens, with what linear operations read and made.
  public func tracedFeatures(
    of batch: TokenBatch, weights: some WeightSource, cancellation: CancellationFlag,
    keep: (ActivationCheckpoint) -> Void = { _ in }
  ) throws -> (features: Matrix, trace: LinearTrace) {
    var trace = LinearTrace()
    let values = try run(
      batch, weights, from: nil, through: graph.nodes.count - 1, cancellation, keep: keep,
      made: { trace.note(node: $0, input: $1, $2, output: $3) })
    return (takeFeatures(values), trace)
  }

  /// The final features among `values`, in storage of their own.
  private func takeFeatures(_ values: LiveValues) -> Matrix {
    var values = values
    guard let features = values.take(graph.features) else {
      preconditionFailure("a graph's features come from its last node")
    }
    defer { scratch.give(features) }
    return features.copy()
  }

  /// Runs `batch` as far as the last of `weights`' inputs that is wanted, showing those inputs.
  ///
  /// - Parameters:
  ///   - start: an earlier pass's value at a cut, to start there.
  ///   - node: the last node to run; its input is shown too, its result is not.
  ///   - keep: called with the value at each cut passed, to be copied if it is to be kept.
  ///   - observe: called before each linear operation with its weight's key and its input, which
  ///     is lent for the call; last with the head's key and the features, if all nodes are run.
  ///     What it throws ends the pass.
  public func observeLinearInputs(
    of batch: TokenBatch, weights: some WeightSource, from start: ActivationCheckpoint? = nil,
    through node: Int? = nil, cancellation: CancellationFlag,
    keep: (ActivationCheckpoint) -> Void = { _ in },
    observe: (_ weight: String, _ input: Matrix) throws -> Void
  ) throws {
    let last = min(node ?? .max, graph.nodes.count - 1)
    var values = try run(
      batch, weights, from: start, through: last, cancellation, keep: keep, observe: observe)
    if last == graph.nodes.count - 1, let features = values.take(graph.features) {
      defer { scratch.give(features) }
      try observe(graph.head, features)
    }
    values.giveAll(to: scratch)
  }

  /// The values still alive after node `last`.
  ///
  /// - Parameter made: called after each linear node with its index, its input and its result.
  private func run(
    _ batch: TokenBatch, _ weights: some WeightSource, from start: ActivationCheckpoint?,
    through last: Int, changing known: KnownPass? = nil, _ cancellation: CancellationFlag,
    keep: (ActivationCheckpoint) -> Void, observe: (String, Matrix) throws -> Void = { _, _ in },
    made: (Int, ValueID, Matrix, Matrix) -> Void = { _, _, _, _ in }
  ) throws -> LiveValues {
    if shape != (batch.tokens.count, batch.sequenceLength) {
      scratch.clear()
      shape = (batch.tokens.count, batch.sequenceLength)
    }
    var values = LiveValues(count: graph.widths.count)
    var firstNode = 0
    var nextCut = 0
    if let start {
      let cut = graph.cuts[start.cut]
      values.lend(start.value, as: cut.value)
      firstNode = cut.node
      nextCut = start.cut + 1
    }
    for index in firstNode..<max(last + 1, firstNode) {
      try cancellation.check()
      while nextCut < graph.cuts.count, graph.cuts[nextCut].node == index {
        if let value = values[graph.cuts[nextCut].value] {
          keep(ActivationCheckpoint(cut: nextCut, value: value))
        }
        nextCut += 1
      }
      let node = graph.nodes[index]
      if case .linear(let weight, _) = node.operation, let input = values[node.inputs[0]] {
        try observe(weight, input)
        let output = try run(index, batch, values, weights, known)
        made(index, node.inputs[0], input, output)
        values[node.output] = output
      } else {
        values[node.output] = try run(index, batch, values, weights, nil)
      }
      for input in Set(node.inputs) where graph.lastUses[input.index] == index {
        values.end(input, givingTo: scratch)
      }
    }
    return values
  }

  private func run(
    _ index: Int, _ batch: TokenBatch, _ values: LiveValues, _ weights: some WeightSource,
    _ known: KnownPass?
  ) throws -> Matrix {
    let node = graph.nodes[index]
    let output = scratch.take(
      rows: batch.tokens.count, columns: graph.widths[node.output.index])
    let inputs = node.inputs.map { id in
      guard let value = values[id] else {
        preconditionFailure("a graph is in topological order")
      }
      return value
    }
    if try known?.run(index, node, inputs[0], weights, into: output) ?? false { return output }
    let operations = OperationRunner(batch: batch, scratch: scratch, ropeTables: ropeTables)
    try operations.run(node.operation, inputs, weights, into: output)
    return output
  }
}

/// The results of operations that are still to be read.
private struct LiveValues {
  private var matrices: [Matrix?]
  /// A value that belongs to the caller and must not be reused.
  private var lent: ValueID?

  init(count: Int) {
    matrices = [Matrix?](repeating: nil, count: count)
  }

  subscript(id: ValueID) -> Matrix? {
    get { matrices[id.index] }
    set { matrices[id.index] = newValue }
  }

  mutating func lend(_ matrix: Matrix, as id: ValueID) {
    matrices[id.index] = matrix
    lent = id
  }

  /// Takes the value out, storage and all.
  mutating func take(_ id: ValueID) -> Matrix? {
    defer { matrices[id.index] = nil }
    return matrices[id.index]
  }

  /// Forgets a value nobody reads any more; its storage may be used again.
  mutating func end(_ id: ValueID, givingTo scratch: Scratch) {
    if let matrix = take(id), id != lent { scratch.give(matrix) }
  }

  mutating func giveAll(to scratch: Scratch) {
    for index in matrices.indices { end(ValueID(index: index), givingTo: scratch) }
  }
}
