import ViseTensor

/// Removes whole blocks of rows × columns: of all blocks of a site those of the smallest sums.
///
/// The pattern of block-sparse kernels (Gray et al., "GPU Kernels for Block-Sparse Weights", 2017;
/// Narang et al., "Block-Sparse Recurrent Neural Networks", arXiv:1711.02782), with magnitudes or
/// Wanda's scores summed over a block.
struct BlockSelection {
  let height: Int
  let width: Int
  /// Share of the blocks that goes.
  let ratio: Double

  /// How many of `count` blocks go.
  func removed(of count: Int) -> Int { Int((ratio * Double(count)).rounded()) }

  /// - Parameter score: writes the scores of a row.
  /// - Precondition: the weight is made of whole blocks.
  func mask(
    rows: Int, columns: Int, work: RowWork,
    score: @Sendable (_ row: Int, _ scores: UnsafeMutablePointer<Float>) -> Void
  ) throws -> Mask {
    precondition(rows % height == 0 && columns % width == 0)
    let across = columns / width
    let sums = try work.map(rows: rows / height) { band in
      self.sums(band: band, columns: columns, score: score)
    }.flatMap { $0 }
    let kept = Matrix(rows: rows / height, columns: across)
    let mask = Mask(rows: rows, columns: columns)
    ScoreSelection.mark(
      sums, count: sums.count, pruned: removed(of: sums.count), into: kept.pointer)
    try work.forEachChunk(rows: rows, columns: columns) { range in
      let line = Matrix(rows: 1, columns: columns)
      withExtendedLifetime((kept, line)) {
        for row in range {
          let blocks = kept.row(row / height)
          for column in 0..<columns { line.pointer[column] = blocks[column / width] }
          mask.fill(row: row, from: line.pointer)
        }
      }
    }
    return mask
  }

  /// The sums of one band of blocks, added in double.
  private func sums(
    band: Int, columns: Int,
    score: (_ row: Int, _ scores: UnsafeMutablePointer<Float>) -> Void
  ) -> [Float] {
    var sums = [Double](repeating: 0, count: columns / width)
    let scores = Matrix(rows: 1, columns: columns)
    withExtendedLifetime(scores) {
      for row in band * height..<(band + 1) * height {
        score(row, scores.pointer)
        for column in 0..<columns { sums[column / width] += Double(scores.pointer[column]) }
      }
    }
    return sums.map { Float($0) }
  }
}
