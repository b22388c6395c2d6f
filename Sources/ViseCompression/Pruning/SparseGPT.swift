public import ViseTensor

/// Removes weights block by block of columns and lets the later columns make up for each.
///
/// Frantar and Alistarh, "SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot"
/// (arXiv:2301.00774, algorithm 1): with H⁻¹ = Uᵀ·U, removing w[j] costs (w[j] / U[j, j])² once the
/// columns behind have taken w[k] −= w[j] / U[j, j] · U[j, k]. The mask of a group is chosen when
/// the sweep reaches it, from values as corrected so far. Groups are those of an N:M pattern, or
/// 128 columns, of which unstructured pruning takes the same share from each: how many weights a
/// row loses there is decided by the costs of all rows beforehand, so that rows may be swept apart.
public struct SparseGPT: Sendable {
  public let sparsity: Sparsity
  private let factor: InputFactor

  public init(sparsity: Sparsity, factor: InputFactor) {
    self.sparsity = sparsity
    self.factor = factor
  }

  /// Columns whose mask is chosen at once, the paper's B_s.
  static let blockLength = 128

  private var groupLength: Int {
    if case .nOfM(_, let group) = sparsity.pattern { group } else { Self.blockLength }
  }

  /// Columns between two updates through BLAS: whole groups.
  private var chunkLength: Int { max(1, Self.blockLength / groupLength) * groupLength }

  /// The pruned weight, whose columns are the factor's inputs.
  public func prune(_ weight: Matrix, work: RowWork) throws -> PrunedWeight {
    precondition(weight.columns == factor.size)
    let values = weight.copy()
    let mask = Mask(rows: weight.rows, columns: weight.columns)
    let counts = prunedCounts(weight)
    let groups = counts.count / max(weight.rows, 1)
    try work.forEachChunk(of: weight.rows, length: BlockGPTQ.rowsAtOnce) { rows in
      let kept = Matrix(rows: rows.count, columns: weight.columns)
      let counts = Array(counts[rows.lowerBound * groups..<rows.upperBound * groups])
      withExtendedLifetime((values, kept)) {
        sweep(values.row(rows.lowerBound), rows: rows.count, counts: counts, kept: kept)
        for row in rows { mask.fill(row: row, from: kept.row(row - rows.lowerBound)) }
      }
    }
    return PrunedWeight(values: values, mask: mask)
  }

  /// Weights to remove in each group of each row.
  private func prunedCounts(_ weight: Matrix) -> [Int32] {
    let columns = weight.columns
    let groups = (columns + groupLength - 1) / groupLength
    if case .nOfM(let kept, let group) = sparsity.pattern {
      return [Int32](repeating: Int32(group - kept), count: weight.rows * groups)
    }
    var counts = [Int32](repeating: 0, count: weight.rows * groups)
    var taken = 0
    for group in 0..<groups {
      let range = group * groupLength..<min((group + 1) * groupLength, columns)
      // What all groups so far lose together is rounded, not each group's share.
      let total = Int((sparsity.ratio * Double(weight.rows * range.upperBound)).rounded())
      count(total - taken, cheapestOf: weight, range) { counts[$0 * groups + group] += 1 }
      taken = total
    }
    return counts
  }

  /// Calls `body` with the row of each of the `total` weights of `range` that cost least.
  private func count(
    _ total: Int, cheapestOf weight: Matrix, _ range: Range<Int>, _ body: (Int) -> Void
  ) {
    guard total > 0 else { return }
    let costs = weight.columns(range)
    withExtendedLifetime(costs) {
      for row in 0..<costs.rows {
        let cost = costs.row(row)
        for column in 0..<range.count {
          cost[column] *= cost[column] * factor.importance[range.lowerBound + column]
        }
      }
      let limit = costs.values.sorted()[total - 1]
      // Of weights that cost as much as the dearest of these, the first rows' go.
      let values = UnsafeBufferPointer(start: costs.pointer, count: costs.count)
      var equal = total - values.count { $0 < limit }
      for (index, cost) in values.enumerated() where cost <= limit {
        if cost == limit {
          guard equal > 0 else { continue }
          equal -= 1
        }
        body(index / range.count)
      }
    }
  }

  /// Algorithm 1 over some rows, in place.
  private func sweep(
    _ values: UnsafeMutablePointer<Float>, rows: Int, counts: [Int32], kept: Matrix
  ) {
    let columns = kept.columns
    let groups = counts.count / max(rows, 1)
    let errors = Matrix(rows: rows, columns: chunkLength)
    withExtendedLifetime((kept, errors, factor)) {
      for first in stride(from: 0, to: columns, by: chunkLength) {
        let count = min(chunkLength, columns - first)
        let corner = factor.inverseFactor.pointer + first * columns + first
        counts.withUnsafeBufferPointer { counts in
          guard let counts = counts.baseAddress else { return }
          BlockSolving.sparseFeedback(
            values: .init(values + first, stride: columns), rows: rows, columns: count,
            factor: .init(corner, stride: columns),
            pruned: .init(counts + first / groupLength, stride: groups, groupLength: groupLength),
            kept: .init(kept.pointer + first, stride: columns),
            errors: .init(errors.pointer, stride: chunkLength))
        }
        let rest = columns - first - count
        guard rest > 0 else { break }
        BLAS.multiply(
          m: rows, n: rest, k: count, alpha: -1, a: errors.pointer, strideA: chunkLength,
          b: corner + count, strideB: columns, beta: 1, c: values + first + count,
          strideC: columns)
      }
    }
  }
}
