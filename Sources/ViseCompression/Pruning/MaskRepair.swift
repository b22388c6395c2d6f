public import ViseTensor

/// Exchanges pruned and kept weights until a row's mean output is what it was.
///
/// Dynamic sparse no training (Zhang et al., arXiv:2310.08915, section 3 and algorithm 1). The mean
/// error of a row is ε = Σ over pruned of w·E[x]. A cycle grows the pruned weight with the largest
/// sign(ε)·w·E[x] / Var[x] and prunes instead the one with the smallest |w|·‖x‖₂ among the kept
/// ones of its group whose loss works against ε; rows end at |ε| < 0.1, after 50 cycles, or when an
/// exchange would not lessen |ε|. Weights that stay are not changed, and counts and patterns remain.
public struct MaskRepair: Sendable {
  public let sparsity: Sparsity
  private let mean: [Float]
  private let variance: [Float]
  private let norms: [Float]
  public var tolerance: Float = 0.1
  public var cycles = 50

  public init(sparsity: Sparsity, statistics: SiteCalibration) {
    self.sparsity = sparsity
    mean = statistics.mean
    norms = statistics.diagonal.map { max($0, 0).squareRoot() }
    // A channel that never varies is not worth more than any that hardly does.
    let floor = max(statistics.diagonal.reduce(0, +) / Float(max(mean.count, 1)) * 1e-6, 1e-20)
    variance = statistics.variance.map { max($0, floor) }
  }

  /// `weight` under a better mask than `mask`, with as many weights in each row and group.
  public func repair(_ mask: Mask, of weight: Matrix, work: RowWork) throws -> PrunedWeight {
    precondition(weight.columns == mean.count && mask.columns == mean.count)
    let result = Mask(rows: weight.rows, columns: weight.columns)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      let kept = mask.factors(rows)
      withExtendedLifetime((weight, kept)) {
        for row in rows {
          let own = kept.row(row - rows.lowerBound)
          repair(weight.row(row), own)
          result.fill(row: row, from: own)
        }
      }
    }
    return PrunedWeight(values: result.applied(to: weight), mask: result)
  }

  private func repair(
    _ weights: UnsafePointer<Float>, _ kept: UnsafeMutablePointer<Float>
  ) {
    var error: Float = 0
    for column in mean.indices where kept[column] == 0 { error += weights[column] * mean[column] }
    for _ in 0..<cycles where abs(error) >= tolerance {
      let sign: Float = error < 0 ? -1 : 1
      guard let grown = grown(weights, kept, sign),
        let removed = removed(weights, kept, sign, in: group(of: grown))
      else { return }
      let next = error - weights[grown] * mean[grown] + weights[removed] * mean[removed]
      guard abs(next) < abs(error) else { return }
      kept[grown] = 1
      kept[removed] = 0
      error = next
    }
  }

  private func grown(
    _ weights: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, _ sign: Float
  ) -> Int? {
    var best: (column: Int, score: Float)?
    for column in mean.indices where kept[column] == 0 {
      let score = sign * weights[column] * mean[column] / variance[column]
      if score > best?.score ?? 0 { best = (column, score) }
    }
    return best?.column
  }

  private func removed(
    _ weights: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, _ sign: Float,
    in group: Range<Int>
  ) -> Int? {
    var best: (column: Int, score: Float)?
    for column in group where kept[column] != 0 && sign * weights[column] * mean[column] < 0 {
      let score = abs(weights[column]) * norms[column]
      if score < best?.score ?? .infinity { best = (column, score) }
    }
    return best?.column
  }

  private func group(of column: Int) -> Range<Int> {
    guard case .nOfM(_, let length) = sparsity.pattern else { return mean.indices }
    let first = column / length * length
    return first..<min(first + length, mean.count)
  }
}
