public import ViseTensor

/// Removes weights block by block of columns and lets the later columns make up for each.
///
/// Frantar and Alistarh, "SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot"
/// (arXiv:2301.00774, algorithm 1): with H⁻¹ = Uᵀ·U, removing w[j] costs (w[j] / U[j, j])² once the
/// columns behind have taken w[k] −= w[j] / U[j, j] · U[j, k]. The mask of a group is chosen when
/// the sweep reaches it, from values as corrected so far. Groups are those of an N:M pattern, or
/// 128 columns, of which unstructured pruning removes what costs least over all rows: so every row
/// is swept up to a block before the next block's mask is chosen.
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
    let kept = Matrix(rows: weight.rows, columns: weight.columns)
    for first in stride(from: 0, to: weight.columns, by: chunkLength) {
      let chunk = first..<min(first + chunkLength, weight.columns)
      let counts = prunedCounts(values, chunk)
      let groups = counts.count / max(weight.rows, 1)
      try work.forEachChunk(of: weight.rows, length: BlockGPTQ.rowsAtOnce) { rows in
        let counts = Array(counts[rows.lowerBound * groups..<rows.upperBound * groups])
        sweep(values, rows, chunk, counts: counts, kept: kept)
      }
    }
    withExtendedLifetime(kept) {
      for row in 0..<weight.rows { mask.fill(row: row, from: kept.row(row)) }
    }
    return PrunedWeight(values: values, mask: mask)
  }

  /// Weights to remove in each group of `chunk` of each row.
  private func prunedCounts(_ values: Matrix, _ chunk: Range<Int>) -> [Int32] {
    if case .nOfM(let kept, let group) = sparsity.pattern {
      let groups = (chunk.count + group - 1) / group
      return [Int32](repeating: Int32(group - kept), count: values.rows * groups)
    }
    // What all chunks so far lose together is rounded, not each one's share.
    func total(_ columns: Int) -> Int {
      Int((sparsity.ratio * Double(values.rows * columns)).rounded())
    }
    var counts = [Int32](repeating: 0, count: values.rows)
    count(total(chunk.upperBound) - total(chunk.lowerBound), cheapestOf: values, chunk) {
      counts[$0] += 1
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

  /// Algorithm 1 over a chunk of columns of some rows, in place.
  private func sweep(
    _ values: Matrix, _ rows: Range<Int>, _ chunk: Range<Int>, counts: [Int32], kept: Matrix
  ) {
    let columns = values.columns
    let errors = Matrix(rows: rows.count, columns: chunkLength)
    withExtendedLifetime((values, kept, errors, factor)) {
      let start = values.row(rows.lowerBound) + chunk.lowerBound
      let corner = factor.inverseFactor.row(chunk.lowerBound) + chunk.lowerBound
      counts.withUnsafeBufferPointer { counts in
        guard let pruned = counts.baseAddress else { return }
        BlockSolving.sparseFeedback(
          values: .init(start, stride: columns), rows: rows.count, columns: chunk.count,
          factor: .init(corner, stride: columns),
          pruned: .init(pruned, stride: counts.count / rows.count, groupLength: groupLength),
          kept: .init(kept.row(rows.lowerBound) + chunk.lowerBound, stride: columns),
          errors: .init(errors.pointer, stride: chunkLength))
      }
      let rest = columns - chunk.upperBound
      guard rest > 0 else { return }
      BLAS.multiply(
        m: rows.count, n: rest, k: chunk.count, alpha: -1, a: errors.pointer,
        strideA: chunkLength, b: corner + chunk.count, strideB: columns, beta: 1,
        c: start + chunk.count, strideC: columns)
    }
  }
}
