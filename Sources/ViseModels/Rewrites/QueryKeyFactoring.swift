public import ViseCompression
import ViseTensor

/// Gives all query and key heads of a model fewer channels, as `HeadProduct` finds them.
///
/// COMCAT's other product (Xiao et al., 2023, section 3): attention sees queries and keys only in
/// W_Q·W_Kᵀ of a head, which is cut to a rank by its SVD, biases included. Here in the scores: what
/// remains are the directions in which queries of second moment E[q qᵀ] and keys of covariance
/// Cov[k] give the scores most of their variance; a query's score with the mean key is the same for
/// all keys, and the softmax does not see it. Only models without a rotary embedding have such a product: a
/// rotation by the distance of two positions stands between W_Q and W_Kᵀ, and commutes with neither.
public struct QueryKeyFactoring: Sendable {
  /// What became of one attention.
  public struct Change: Sendable {
    /// Those of queries and keys, which may be one.
    public let weights: [String]
    /// The share of the scores' variance that remains.
    public let energy: Double
  }

  /// Channels a query or key head keeps.
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
      changes.append(try append(node, shape, index, to: &rewrite))
      progress(done + 1, attentions.count)
    }
    rewrite.keyLength = rank
    return changes
  }

  private func append(
    _ node: Node, _ shape: AttentionShape, _ index: GraphIndex, to rewrite: inout ModelRewrite
  ) throws -> Change {
    let queries = try source(of: node.inputs[0], index)
    let keys = try source(of: node.inputs[1], index)
    guard rank > 0, rank < shape.headLength, rank % 2 == 0 else {
      throw RewriteError.notFactorable(
        reason: "query heads of \(shape.headLength) channels keep an even number below that")
    }
    let weights = queries.weight == keys.weight ? [queries.weight] : [queries.weight, keys.weight]
    let biases = Set([queries.bias, keys.bias].compactMap { $0 })
    guard index.areUsedOnce(weights + biases.sorted()) else {
      throw RewriteError.notFactorable(reason: "queries or keys are made by a weight used twice")
    }
    let products = try products(queries, keys, shape)
    // Readers of the file scale scores by the new length of the heads.
    let scale = shape.scale * Float(rank).squareRoot()
    let queryParts = products.flatMap(\.outputs)
    for part in queryParts { Kernels.scale(part.pointer, count: part.count, by: scale) }
    let parts = [(queries, queryParts), (keys, products.map { $0.values.transposed() })]
    for weight in weights {
      let own = parts.filter { $0.0.weight == weight }.sorted { $0.0.first < $1.0.first }
      let mixing = Self.mixing(own)
      rewrite.append(.mixRows(mixing), to: weight)
      if let bias = own.first?.0.bias { rewrite.append(.mixColumns(mixing), to: bias) }
    }
    return Change(
      weights: weights,
      energy: products.reduce(0) { $0 + $1.energy } / Double(products.count))
  }

  /// The rows that make queries or keys, with nothing but a linear layer before them.
  private func source(of value: ValueID, _ index: GraphIndex) throws -> LinearRows {
    if let rows = index.linearSource(of: value), index.readers(of: value).count == 1 { return rows }
    let reason =
      switch index.maker(of: value)?.operation {
      case .rope:
        "a rotary embedding stands between queries and keys, with which no product of theirs "
          + "commutes"
      case .rmsNorm: "queries and keys are normalized before they meet"
      default: "queries or keys are not made by a projection"
      }
    throw RewriteError.notFactorable(reason: reason)
  }

  /// What all rows of a weight are multiplied by: `parts` where they are, nothing changed elsewhere.
  private static func mixing(_ parts: [(rows: LinearRows, matrices: [Matrix])]) -> [Matrix] {
    var (result, done): ([Matrix], Int) = ([], 0)
    func keep(upTo row: Int) {
      guard row > done else { return }
      result.append(Matrix.identity(row - done))
    }
    for part in parts {
      keep(upTo: part.rows.first)
      result += part.matrices
      done = part.rows.first + part.rows.count
    }
    keep(upTo: parts.first?.rows.total ?? 0)
    return result
  }

  /// By head of keys.
  private func products(
    _ queries: LinearRows, _ keys: LinearRows, _ shape: AttentionShape
  ) throws -> [HeadProduct] {
    let (length, group) = (shape.headLength, shape.heads / shape.keyValueHeads)
    let inputs = try inputs(of: queries.weight)
    let (made, matched) = (try projection(queries), try projection(keys))
    return try (0..<shape.keyValueHeads).map { head in
      let own = matched.head(head, length: length)
      let covariance = inputs.covariance(of: own)
      let heads = try (head * group..<(head + 1) * group).map { query in
        let moment = inputs.secondMoment(of: made.head(query, length: length))
        let root = try LinearAlgebra.dampedCholesky(moment, damping: 1e-6).factor
        return HeadProduct.Head(columns: root.transposed(), moment: covariance)
      }
      return try HeadProduct(heads, rank: rank)
    }
  }

  private func projection(_ rows: LinearRows) throws -> Projection {
    Projection(
      weight: try model.decodeWeight(rows.weight).rows(rows.range),
      bias: try rows.bias.map { try model.decodeWeight($0).columns(rows.range) })
  }

  private func inputs(of weight: String) throws -> InputMoments {
    guard let calibration else { return InputMoments(statistics: nil) }
    guard let site = model.site(named: weight),
      let statistics = try calibration.statistics(of: site)
    else { throw RewriteError.needsCalibration(weight) }
    return InputMoments(statistics: statistics)
  }
}

/// A linear layer: its rows and their biases.
private struct Projection {
  let weight: Matrix
  /// One row.
  let bias: Matrix?

  func head(_ index: Int, length: Int) -> Projection {
    let range = index * length..<(index + 1) * length
    return Projection(weight: weight.rows(range), bias: bias?.columns(range))
  }
}

/// What is known of a layer's inputs x; without statistics E[x xᵀ] = I and E[x] = 0.
private struct InputMoments {
  let statistics: SiteCalibration?

  /// E[y yᵀ] of the results.
  func secondMoment(of layer: Projection) -> Matrix {
    let moment = raw(layer.weight)
    let mean = mean(of: layer)
    let projected = self.mean(of: Projection(weight: layer.weight, bias: nil))
    // E[(Wx + b)(Wx + b)ᵀ] = W·H·Wᵀ + m·mᵀ − p·pᵀ with p = W·E[x] and m = p + b.
    Self.addSquare(of: mean, to: moment, sign: 1)
    Self.addSquare(of: projected, to: moment, sign: -1)
    return moment
  }

  /// Cov[y] of the results, which biases leave alone.
  func covariance(of layer: Projection) -> Matrix {
    let moment = raw(layer.weight)
    Self.addSquare(
      of: mean(of: Projection(weight: layer.weight, bias: nil)), to: moment, sign: -1)
    return moment
  }

  /// W·E[x xᵀ]·Wᵀ.
  private func raw(_ weight: Matrix) -> Matrix {
    let half = statistics.map { LinearAlgebra.product(weight, $0.secondMoment) } ?? weight
    let result = LinearAlgebra.productTransposed(half, weight)
    LinearAlgebra.symmetrize(result)
    return result
  }

  private func mean(of layer: Projection) -> [Float] {
    withExtendedLifetime((layer.weight, layer.bias)) {
      (0..<layer.weight.rows).map { row in
        let own = statistics?.mean.enumerated().reduce(0.0) {
          $0 + Double($1.element) * Double(layer.weight.row(row)[$1.offset])
        }
        return Float(own ?? 0) + (layer.bias?.pointer[row] ?? 0)
      }
    }
  }

  private static func addSquare(of vector: [Float], to matrix: Matrix, sign: Float) {
    withExtendedLifetime(matrix) {
      for row in vector.indices {
        for column in vector.indices {
          matrix.row(row)[column] += sign * vector[row] * vector[column]
        }
      }
    }
  }
}
