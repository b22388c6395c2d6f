import ViseTensor

/// A matrix in the hierarchical Tucker format over four pairs of digits of its rows and columns: a frame
/// for each pair, a transfer tensor for each half, and the root between the halves.
///
/// For the gate blocks of an LSTM, all gates concatenated (FDHT-LSTM: Gong et al., "Algorithm and Hardware
/// Co-Design of Energy-Efficient LSTM Networks for Video Recognition With Hierarchical Tucker Tensor
/// Decomposition", 2022). Frames are the leading singular vectors of the tensor's matricizations, transfer
/// tensors those of what the frames leave (Grasedyck, "Hierarchical Singular Value Decomposition of
/// Tensors", SIAM J. Matrix Anal. 31, 2010, algorithm 1).
struct HierarchicalTucker: TensorNetwork {
  let modes: MatrixModes
  /// Of the frames.
  let frames: [Int]
  /// Of the halves.
  let halves: [Int]

  private static let modeCount = 4

  static func misfit(_ shape: WeightShape) -> String? {
    if !shape.kernel.isEmpty { return "is of matrices" }
    return MatrixModes(shape, count: modeCount).sizes.contains(1)
      ? "needs rows and columns of at least four factors" : nil
  }

  static func largestRanks(_ shape: WeightShape) -> [Int] {
    let sizes = MatrixModes(shape, count: modeCount).sizes
    return [min(sizes[0] * sizes[1], sizes[2] * sizes[3])]
  }

  init(shape: WeightShape, ranks: [Int]) {
    modes = MatrixModes(shape, count: Self.modeCount)
    let sizes = modes.sizes
    let frames = sizes.map { min($0, ranks[0]) }
    self.frames = frames
    let both = min(ranks[0], frames[0] * frames[1], frames[2] * frames[3])
    halves = [both, both]
  }

  var parts: [SiteForm.Part] {
    zip(modes.sizes, frames).enumerated().map { index, pair in
      SiteForm.Part(name: "frame\(index)", rows: pair.0, columns: pair.1)
    }
      + [0, 1].map { half in
        SiteForm.Part(
          name: "transfer\(half)", rows: frames[2 * half] * frames[2 * half + 1],
          columns: halves[half])
      } + [SiteForm.Part(name: "root", rows: halves[0], columns: halves[1])]
  }

  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix] {
    var sizes = modes.sizes
    var core = Matrix(
      rows: sizes[0], columns: weight.count / sizes[0], values: modes.tensor(of: weight))
    var found: [Matrix] = []
    // A mode comes first, is cut, and goes last: after all of them the order is the old one.
    let whole = core
    for mode in 0..<Self.modeCount {
      let unfolded = Self.turned(
        whole, before: modes.sizes[..<mode].reduce(1, *), modes.sizes[mode])
      let frame = try LinearAlgebra.svd(unfolded, rank: frames[mode]).u
      let cut = LinearAlgebra.product(
        frame.transposed(), core.folded(rows: sizes[0], columns: core.count / sizes[0]))
      core = cut.transposed()
      sizes = Array(sizes[1...]) + [frames[mode]]
      found.append(frame)
    }
    let halved = core.folded(rows: frames[0] * frames[1], columns: frames[2] * frames[3])
    let svd = try LinearAlgebra.svd(halved, rank: halves[0])
    let root = Matrix.diagonal(svd.s)
    return found + [svd.u, svd.vt.transposed(), root]
  }

  func product(_ parts: [Matrix]) -> Matrix {
    let left = half(parts[0], parts[1], parts[4])
    let right = half(parts[2], parts[3], parts[5])
    return modes.matrix(
      of: LinearAlgebra.product(
        LinearAlgebra.product(left, parts[6]), right.transposed()))
  }

  /// (first ⊗ second) · transfer: sizes' product × the half's rank.
  private func half(_ first: Matrix, _ second: Matrix, _ transfer: Matrix) -> Matrix {
    let rank = transfer.columns
    let wide = LinearAlgebra.product(
      first, transfer.folded(rows: first.columns, columns: second.columns * rank))
    let result = Matrix(rows: first.rows * second.rows, columns: rank)
    for row in 0..<first.rows {
      let block = LinearAlgebra.product(
        second, wide.rows(row..<row + 1).folded(rows: second.columns, columns: rank))
      result.row(row * second.rows).update(from: block.pointer, count: block.count)
    }
    return result
  }

  /// Dimension `size`, which `before` places come before, as rows.
  private static func turned(_ tensor: Matrix, before: Int, _ size: Int) -> Matrix {
    let after = tensor.count / (before * size)
    let result = Matrix(rows: size, columns: before * after)
    withExtendedLifetime((tensor, result)) {
      for b in 0..<before {
        for n in 0..<size {
          (result.row(n) + b * after).update(
            from: tensor.pointer + (b * size + n) * after, count: after)
        }
      }
    }
    return result
  }
}
