public import ViseTensor

/// Removes of each row, or of each group of a row, the weights with the smallest |w| · ‖x‖₂.
///
/// Sun et al., "A Simple and Effective Pruning Approach for Large Language Models"
/// (arXiv:2306.11695, equation 1 and section 3): magnitudes count as much as their inputs are
/// large, and compete within an output. Weights that stay are not changed. ‖x‖₂ is taken as the
/// root mean square, which differs by a factor all columns share.
public struct WandaPruning: Sendable {
  public let sparsity: Sparsity
  private let norms: [Float]

  /// - Parameter meanSquares: E[x²] of each input.
  public init(sparsity: Sparsity, meanSquares: [Float]) {
    self.sparsity = sparsity
    norms = meanSquares.map { max($0, 0).squareRoot() }
  }

  public func prune(_ weight: Matrix, work: RowWork) throws -> PrunedWeight {
    precondition(weight.columns == norms.count)
    let mask = try sparsity.mask(rows: weight.rows, columns: weight.columns, work: work) {
      row, scores in
      let values = weight.row(row)
      for column in 0..<weight.columns { scores[column] = abs(values[column]) * norms[column] }
    }
    return PrunedWeight(values: mask.applied(to: weight), mask: mask)
  }
}
