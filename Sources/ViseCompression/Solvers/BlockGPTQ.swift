public import ViseTensor

/// GPTQ inside ggml's block formats: each block's scales are fitted when error feedback reaches it.
///
/// GPTQ (Frantar et al., arXiv:2210.17323, algorithm 1) rounds column after column and spreads each
/// error over the columns to come. A format with scales on scales cannot fix its grid beforehand:
/// here a block (or super-block) is fitted to the values as corrected so far, its errors weighed by
/// 1 / U[j, j]², which is what they cost after later columns have made up for them. The grid of the
/// file is the grid of the feedback, so nothing is lost on the way into it. Types whose weights are
/// points of a grid of eight (IQ2, IQ3 …) feed errors back from block to block.
/// Pruned weights take the level nearest to zero, and what that leaves is fed back too.
public struct BlockGPTQ: Sendable {
  public let type: StorageType
  private let factor: InputFactor

  /// - Precondition: `BlockSolving.canFeedBack(type)`.
  public init(type: StorageType, factor: InputFactor) {
    precondition(BlockSolving.canFeedBack(type))
    self.type = type
    self.factor = factor
  }

  /// Rows a worker takes at a time: enough for BLAS, few enough to share out.
  static let rowsAtOnce = 96

  /// The stored form of `weight`, whose columns are the factor's inputs; `mask` says what is pruned.
  public func encode(
    _ weight: Matrix, mask: Mask? = nil, work: RowWork
  ) throws -> EncodedWeight {
    precondition(weight.columns == factor.size)
    let encoded = EncodedWeight(
      rows: weight.rows, columns: weight.columns, codec: GGMLCodec(type: type))
    let data = encoded.bytes("data")
    let rowBytes = data.count / max(weight.rows, 1)
    try work.forEachChunk(of: weight.rows, length: Self.rowsAtOnce) { rows in
      encode(
        weight.rows(rows), kept: mask?.factors(rows),
        into: data.slice(rows.lowerBound * rowBytes, count: rows.count * rowBytes),
        rowBytes: rowBytes)
    }
    return encoded
  }

  /// Encodes `values`, which it overwrites.
  private func encode(
    _ values: Matrix, kept: Matrix?, into bytes: UnsafeMutableRawBufferPointer, rowBytes: Int
  ) {
    let columns = values.columns
    let length = BlockSolving.chunkLength
    let errors = Matrix(rows: values.rows, columns: length)
    guard let start = bytes.baseAddress else { return }
    withExtendedLifetime((values, kept, errors, factor)) {
      for first in stride(from: 0, to: columns, by: length) {
        let count = min(length, columns - first)
        factor.importance.withUnsafeBufferPointer { importance in
          guard let importance = importance.baseAddress else { return }
          BlockSolving.feedback(
            type, values: .init(values.pointer + first, stride: columns), rows: values.rows,
            columns: count,
            factor: .init(factor.inverseFactor.pointer + first * columns + first, stride: columns),
            importance: importance + first,
            kept: kept.map { .init($0.pointer + first, stride: columns) },
            blocks: start + first / type.blockLength * type.blockByteCount, blockStride: rowBytes,
            errors: .init(errors.pointer, stride: length))
        }
        let rest = columns - first - count
        guard rest > 0 else { break }
        BLAS.multiply(
          m: values.rows, n: rest, k: count, alpha: -1, a: errors.pointer, strideA: length,
          b: factor.inverseFactor.pointer + first * columns + first + count, strideB: columns,
          beta: 1, c: values.pointer + first + count, strideC: columns)
      }
    }
  }
}
