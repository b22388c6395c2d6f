public import ViseTensor

/// Removes the smallest magnitudes of each row, or of each group of a row.
///
/// Han et al., "Learning both Weights and Connections for Efficient Neural Networks"
/// (arXiv:1506.02626), without the retraining. Every row keeps as many weights, so that stored rows
/// have one length. Needs no data.
public struct MagnitudePruning: Sendable {
  public let sparsity: Sparsity

  public init(sparsity: Sparsity) {
    self.sparsity = sparsity
  }

  public func prune(_ weight: Matrix, work: RowWork) throws -> PrunedWeight {
    let mask = try sparsity.mask(rows: weight.rows, columns: weight.columns, work: work) {
      row, scores in
      let values = weight.row(row)
      for column in 0..<weight.columns { scores[column] = abs(values[column]) }
    }
    return PrunedWeight(values: mask.applied(to: weight), mask: mask)
  }
}
