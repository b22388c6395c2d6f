public import ViseCompression
import ViseTensor

/// Gives all value heads of a model fewer channels, as `HeadProduct` finds them.
///
/// Unlike other rewrites it changes what the model computes, as little as the rank allows. Value and
/// output projections become smaller, biases included, and so does the cache of values. Queries and
/// keys keep their length: a rotary embedding stands between them, with which no product of theirs
/// commutes.
public struct ValueFactoring: Sendable {
  /// What became of one attention.
  public struct Change: Sendable {
    public let weights: [String]
    /// The share of the outputs' energy that remains.
    public let energy: Double
  }

  /// Channels a value head keeps.
  public let rank: Int
  private let model: Model
  private let calibration: (any CalibrationSource)?

  /// - Parameter calibration: without it inputs are taken to be white.
  public init(rank: Int, model: Model, calibration: (any CalibrationSource)?) {
    self.rank = rank
    self.model = model
    self.calibration = calibration
  }

  /// Adds the new projections of every attention to `rewrite`, which must leave them as they are.
  public func append(
    to rewrite: inout ModelRewrite, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> [Change] {
    try BLAS.load()
    let index = GraphIndex(try model.program.get().graph)
    let attentions = index.graph.nodes.compactMap { node -> (Node, AttentionShape)? in
      if case .attention(let shape) = node.operation { (node, shape) } else { nil }
    }
    var changes: [Change] = []
    for (done, (node, shape)) in attentions.enumerated() {
      guard rank > 0, rank < shape.valueLength else {
        throw RewriteError.notFactorable(
          reason: "value heads of \(shape.valueLength) channels keep 1 to \(shape.valueLength - 1)")
      }
      changes.append(try append(node, shape, index, to: &rewrite))
      progress(done + 1, attentions.count)
    }
    rewrite.valueLength = rank
    return changes
  }

  private func append(
    _ node: Node, _ shape: AttentionShape, _ index: GraphIndex, to rewrite: inout ModelRewrite
  ) throws -> Change {
    guard let values = index.linearSource(of: node.inputs[2]), values.count == values.total,
      index.readers(of: node.inputs[2]).count == 1
    else {
      throw RewriteError.notFactorable(
        reason: "values are not made by a projection of their own")
    }
    guard let readers = index.linearReaders(of: node.output), readers.count == 1,
      index.areUsedOnce(readers + [values.weight] + (values.bias.map { [$0] } ?? []))
    else {
      throw RewriteError.notFactorable(reason: "something else reads the attended values")
    }
    let products = try products(values, output: readers[0], shape)
    let narrowing = products.map { $0.values.transposed() }
    rewrite.append(.mixRows(narrowing), to: values.weight)
    if let bias = values.bias { rewrite.append(.mixColumns(narrowing), to: bias) }
    rewrite.append(.mixColumns(products.flatMap(\.outputs)), to: readers[0])
    return Change(
      weights: [values.weight, readers[0]],
      energy: products.reduce(0) { $0 + $1.energy } / Double(products.count))
  }

  /// By head of values.
  private func products(
    _ values: LinearRows, output: String, _ shape: AttentionShape
  ) throws -> [HeadProduct] {
    let (length, group) = (shape.valueLength, shape.heads / shape.keyValueHeads)
    let (weight, columns) = (
      try model.decodeWeight(values.weight), try model.decodeWeight(output)
    )
    let bias = try values.bias.map { try model.decodeWeight($0) }
    let moment = try moment(output)
    return try (0..<shape.keyValueHeads).map { head in
      let rows = head * length..<(head + 1) * length
      let white =
        moment == nil ? Self.whiteMoment(weight.rows(rows), bias?.columns(rows)) : nil
      let heads = (head * group..<(head + 1) * group).map { query in
        let range = query * length..<(query + 1) * length
        return HeadProduct.Head(
          columns: columns.columns(range),
          moment: moment?.rows(range).columns(range) ?? white
            ?? .zeros(rows: length, columns: length))
      }
      return try HeadProduct(heads, rank: rank)
    }
  }

  /// E[z zᵀ] of the attended values; `nil` without calibration.
  private func moment(_ output: String) throws -> Matrix? {
    guard let calibration else { return nil }
    guard let site = model.site(named: output),
      let statistics = try calibration.statistics(of: site)
    else { throw RewriteError.needsCalibration(output) }
    return statistics.secondMoment
  }

  /// W·Wᵀ + b·bᵀ: that of the values of inputs without correlations.
  private static func whiteMoment(_ weight: Matrix, _ bias: Matrix?) -> Matrix {
    let moment = LinearAlgebra.productTransposed(weight, weight)
    guard let bias else { return moment }
    let column = bias.transposed()
    let square = LinearAlgebra.productTransposed(column, column)
    withExtendedLifetime((moment, square)) {
      Kernels.add(square.pointer, count: moment.count, to: moment.pointer)
    }
    return moment
  }
}
