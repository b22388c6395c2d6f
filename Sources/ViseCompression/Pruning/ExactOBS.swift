public import ViseTensor

/// Removes the weights of each row one at a time, the others making up for each at once.
///
/// Frantar, Singh and Alistarh, "Optimal Brain Compression" (arXiv:2208.11580, algorithm 1):
/// remove p with the smallest w[p]² / H⁻¹[p, p] by `RowSurgery`. Unlike a sweep, earlier columns make up too and the
/// order is free; every row needs an inverse of its own, which limits it to moderate widths.
public struct ExactOBS: Sendable {
  public let sparsity: Sparsity
  private let inverse: Matrix

  /// Beyond so many columns the work, rows × removed × columns², takes hours.
  public static let columnLimit = 2048

  public init(sparsity: Sparsity, factor: InputFactor) throws(CompressionError) {
    guard factor.size <= Self.columnLimit else {
      throw .unsuitable(
        "obs needs rows of at most \(Self.columnLimit), this site's are \(factor.size)")
    }
    self.sparsity = sparsity
    inverse = factor.inverse
  }

  /// The pruned weight, whose columns are the factor's inputs.
  public func prune(_ weight: Matrix, work: RowWork) throws -> PrunedWeight {
    precondition(weight.columns == inverse.columns)
    let values = weight.copy()
    let mask = Mask(rows: weight.rows, columns: weight.columns)
    try work.forEachChunk(of: weight.rows, length: 4) { rows in
      let kept = Matrix(rows: 1, columns: weight.columns)
      try withExtendedLifetime((values, kept)) {
        for row in rows {
          try work.cancellation.check()
          kept.pointer.update(repeating: 1, count: weight.columns)
          prune(values.row(row), kept.pointer)
          mask.fill(row: row, from: kept.pointer)
        }
      }
    }
    return PrunedWeight(values: values, mask: mask)
  }

  private func prune(
    _ weights: UnsafeMutablePointer<Float>, _ kept: UnsafeMutablePointer<Float>
  ) {
    var surgery = RowSurgery(weights, inverse: inverse)
    var quota = RemovalQuota(sparsity, columns: inverse.columns)
    while let place = surgery.cheapest({ place in
      quota.allows(surgery.columns[place])
        ? surgery.values[place] * surgery.values[place] / surgery.diagonal(place) : nil
    }) {
      let column = surgery.columns[place]
      surgery.settle(place, at: 0)
      weights[column] = 0
      kept[column] = 0
      quota.remove(column)
    }
    for (column, value) in zip(surgery.columns, surgery.values) { weights[column] = value }
  }
}

/// How many weights may still go of each group of a row.
private struct RemovalQuota {
  private let groupLength: Int
  private var left: [Int]

  init(_ sparsity: Sparsity, columns: Int) {
    switch sparsity.pattern {
    case .unstructured, .channels, .blocks:
      groupLength = max(columns, 1)
      left = [columns - sparsity.keptCount(columns: columns)]
    case .nOfM(let kept, let group):
      groupLength = group
      left = stride(from: 0, to: columns, by: group).map {
        max(0, min(group, columns - $0) - kept)
      }
    }
  }

  func allows(_ column: Int) -> Bool { left[column / groupLength] > 0 }

  mutating func remove(_ column: Int) { left[column / groupLength] -= 1 }
}
