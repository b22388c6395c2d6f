public import ViseTensor

/// A linear layer's weight, outputs × inputs, with its bias where it has one.
public struct LinearWeights: Sendable {
  public let weight: Matrix
  public let bias: [Float]?

  public init(weight: Matrix, bias: [Float]? = nil) {
    precondition(bias.map { $0.count == weight.rows } ?? true)
    self.weight = weight
    self.bias = bias
  }

  public var parameterCount: Int { weight.count + (bias?.count ?? 0) }

  /// The rows `range` with the bias as one more column, where there is one.
  func augmented(_ range: Range<Int>) -> Matrix {
    guard let bias else { return weight.rows(range) }
    let result = Matrix(rows: range.count, columns: weight.columns + 1)
    withExtendedLifetime(weight) {
      for row in range {
        let target = result.row(row - range.lowerBound)
        target.update(from: weight.row(row), count: weight.columns)
        target[weight.columns] = bias[row]
      }
    }
    return result
  }

  /// Undoes `augmented`.
  static func separate(_ matrix: Matrix, hasBias: Bool) -> LinearWeights {
    guard hasBias else { return LinearWeights(weight: matrix) }
    let last = matrix.columns - 1
    return LinearWeights(
      weight: matrix.columns(0..<last), bias: matrix.columns(last..<last + 1).values)
  }
}

/// Two projections of attention that meet in heads of a smaller size.
public struct PerHeadFactors: Sendable {
  /// The projection that has one head for each query head: queries, or the output.
  public let first: LinearWeights
  /// The projection that has the key–value heads: keys, or values.
  public let second: LinearWeights
  /// The new length of a head.
  public let headLength: Int
  /// Each key–value head's singular values before the cut, descending.
  public let singularValues: [[Float]]

  public var parameterCount: Int { first.parameterCount + second.parameterCount }
}

/// Shorter heads from the products that attention really computes.
///
/// Scores depend on W_Qᵀ·W_K and outputs on W_O·W_V, head by head; each product has at most the
/// head's length as its rank, and is cut by its SVD (COMCAT, arXiv:2305.17235, section 3). Biases
/// are taken along as one more input that is always 1. Where several query heads share a key–value
/// head, their products are stacked and cut together, so that they go on sharing it.
///
/// Queries and keys may only be treated so in models without rotary embeddings, which stand between
/// the two projections; values and outputs always.
public struct PerHeadProducts: Sendable {
  public let heads: Int
  public let keyValueHeads: Int
  /// The length of a head now.
  public let headLength: Int

  public init(heads: Int, keyValueHeads: Int, headLength: Int) {
    precondition(keyValueHeads > 0 && heads % keyValueHeads == 0 && headLength > 0)
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headLength = headLength
  }

  private var groupSize: Int { heads / keyValueHeads }

  /// Queries (first) and keys (second) with heads of length `rank`; scores keep their scale.
  public func queryKey(
    queries: LinearWeights, keys: LinearWeights, rank: Int
  ) throws(LinearAlgebraError) -> PerHeadFactors {
    precondition(queries.weight.rows == heads * headLength)
    precondition(keys.weight.rows == keyValueHeads * headLength)
    var first: [Matrix] = []
    var second: [Matrix] = []
    var spectra: [[Float]] = []
    for group in 0..<keyValueHeads {
      let own = groupHeads(group).map { queries.augmented(rows(ofHead: $0)).transposed() }
      let cut = try product(
        SharedBasis.stack(own), keys.augmented(rows(ofHead: group)), rank: rank)
      let height = cut.factors.left.rows / groupSize
      for member in 0..<groupSize {
        first.append(
          cut.factors.left.rows(member * height..<(member + 1) * height).transposed())
      }
      second.append(cut.factors.right)
      spectra.append(cut.values)
    }
    return PerHeadFactors(
      first: .separate(SharedBasis.stack(first), hasBias: queries.bias != nil),
      second: .separate(SharedBasis.stack(second), hasBias: keys.bias != nil),
      headLength: rank, singularValues: spectra)
  }

  /// The output (first) and values (second) with heads of length `rank`.
  ///
  /// The output's own bias comes after the product and stays as it is.
  public func valueOutput(
    values: LinearWeights, output: LinearWeights, rank: Int
  ) throws(LinearAlgebraError) -> PerHeadFactors {
    precondition(values.weight.rows == keyValueHeads * headLength)
    precondition(output.weight.columns == heads * headLength)
    var first: [Matrix] = []
    var second: [Matrix] = []
    var spectra: [[Float]] = []
    for group in 0..<keyValueHeads {
      let own = groupHeads(group).map { output.weight.columns(rows(ofHead: $0)) }
      let cut = try product(
        SharedBasis.stack(own), values.augmented(rows(ofHead: group)), rank: rank)
      for member in 0..<groupSize {
        let range = member * output.weight.rows..<(member + 1) * output.weight.rows
        first.append(cut.factors.left.rows(range).transposed())
      }
      second.append(cut.factors.right)
      spectra.append(cut.values)
    }
    return PerHeadFactors(
      first: LinearWeights(weight: SharedBasis.stack(first).transposed(), bias: output.bias),
      second: .separate(SharedBasis.stack(second), hasBias: values.bias != nil),
      headLength: rank, singularValues: spectra)
  }

  private func groupHeads(_ group: Int) -> Range<Int> {
    group * groupSize..<(group + 1) * groupSize
  }

  private func rows(ofHead head: Int) -> Range<Int> {
    head * headLength..<(head + 1) * headLength
  }

  /// The nearest product of `rank` to a · b, from QR of both sides: a core of the head's length is
  /// all that needs an SVD.
  private func product(
    _ a: Matrix, _ b: Matrix, rank: Int
  ) throws(LinearAlgebraError) -> (factors: LowRankFactors, values: [Float]) {
    let (leftBasis, leftCore) = try LinearAlgebra.qr(a)
    let (rightBasis, rightCore) = try LinearAlgebra.qr(b.transposed())
    let svd = try LinearAlgebra.svd(LinearAlgebra.productTransposed(leftCore, rightCore))
    precondition(rank >= 1 && rank <= svd.rank)
    let core = RankedFactors(left: svd.u, values: svd.s, right: svd.vt).factors(rank: rank)
    return (
      LowRankFactors(
        left: LinearAlgebra.product(leftBasis, core.left),
        right: LinearAlgebra.productTransposed(core.right, rightBasis)),
      svd.s
    )
  }
}
