public import ViseTensor

/// Coordinate descent on the output error of weights already in ggml blocks.
///
/// The error of a row is eᵀHe. Each pass visits every block once: its half-float scales move along
/// their directions, its quantized scales to the best integers, its codes to the nearest level of
/// the minimum along each weight; whatever does not lessen the error is left. QuantEase (Behdin et
/// al., arXiv:2309.01885, section 3) and COMQ (arXiv:2403.07134, section 3.2) descend on codes under
/// fixed or separate scales; here scales on scales descend too, and GPTQ's solution is the start, so
/// the result is never worse than it. Pruned weights stay on the level nearest to zero.
public struct BlockDescent: Sendable {
  public let type: StorageType
  public let passes: Int
  private let factor: InputFactor

  /// - Precondition: `BlockSolving.canDescend(type)`.
  public init(type: StorageType, factor: InputFactor, passes: Int = 4) {
    precondition(BlockSolving.canDescend(type) && passes > 0)
    self.type = type
    self.factor = factor
    self.passes = passes
  }

  /// Improves `encoded`, a stored form of `weight`, in place; `mask` says what is pruned.
  public func improve(
    _ encoded: EncodedWeight, of weight: Matrix, mask: Mask? = nil, work: RowWork
  ) throws {
    precondition(weight.columns == factor.size)
    let data = encoded.bytes("data")
    let rowBytes = data.count / max(weight.rows, 1)
    try work.forEachChunk(of: weight.rows, length: BlockGPTQ.rowsAtOnce) { rows in
      let bytes = data.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes)
      let values = Matrix(rows: rows.count, columns: weight.columns)
      try type.decode(
        UnsafeRawBufferPointer(bytes),
        into: UnsafeMutableBufferPointer(start: values.pointer, count: values.count))
      let kept = mask?.factors(rows)
      for _ in 0..<passes {
        try work.cancellation.check()
        descend(values, from: weight, kept: kept, rows: rows, bytes: bytes, rowBytes: rowBytes)
      }
    }
  }

  /// One pass over all columns of some rows.
  private func descend(
    _ values: Matrix, from weight: Matrix, kept: Matrix?, rows: Range<Int>,
    bytes: UnsafeMutableRawBufferPointer, rowBytes: Int
  ) {
    let columns = values.columns
    let length = BlockSolving.chunkLength
    let gradient = gradient(of: values, from: weight, rows: rows)
    let changes = Matrix(rows: values.rows, columns: length)
    guard let start = bytes.baseAddress else { return }
    withExtendedLifetime((values, kept, gradient, changes, factor)) {
      for first in stride(from: 0, to: columns, by: length) {
        let count = min(length, columns - first)
        BlockSolving.descent(
          type, values: .init(values.pointer + first, stride: columns), rows: values.rows,
          columns: count, gradient: .init(gradient.pointer + first, stride: columns),
          moment: .init(factor.moment.pointer + first * columns + first, stride: columns),
          kept: kept.map { .init($0.pointer + first, stride: columns) },
          blocks: start + first / type.blockLength * type.blockByteCount, blockStride: rowBytes,
          changes: .init(changes.pointer, stride: length))
        // Columns already visited in this pass need no gradient any more.
        let rest = columns - first - count
        guard rest > 0 else { break }
        BLAS.multiply(
          m: values.rows, n: rest, k: count, a: changes.pointer, strideA: length,
          b: factor.moment.pointer + first * columns + first + count, strideB: columns, beta: 1,
          c: gradient.pointer + first + count, strideC: columns)
      }
    }
  }

  /// H·(values − weights), row by row.
  private func gradient(of values: Matrix, from weight: Matrix, rows: Range<Int>) -> Matrix {
    let columns = values.columns
    let difference = values.copy()
    let gradient = Matrix(rows: values.rows, columns: columns)
    withExtendedLifetime((difference, weight, gradient, factor)) {
      let source = weight.row(rows.lowerBound)
      for index in 0..<difference.count { difference.pointer[index] -= source[index] }
      BLAS.multiply(
        m: values.rows, n: columns, k: columns, a: difference.pointer, strideA: columns,
        b: factor.moment.pointer, strideB: columns, c: gradient.pointer, strideC: columns)
    }
    return gradient
  }
}
