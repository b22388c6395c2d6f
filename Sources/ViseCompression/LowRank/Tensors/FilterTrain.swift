import ViseTensor

/// A convolution as a tensor train over inputs, the window's dimensions, and outputs: 1 × 1, filters
/// along each dimension, 1 × 1.
///
/// By TT-SVD (Oseledets, "Tensor-Train Decomposition", SIAM J. Sci. Comput. 33, 2011, algorithm 1), which is
/// at most √(d−1) times as far off as the nearest train of these ranks (corollary 2.4).
struct FilterTrain: TensorNetwork {
  let shape: WeightShape
  /// Between inputs and the first dimension, between dimensions, and before the outputs.
  let ranks: [Int]

  static func misfit(_ shape: WeightShape) -> String? {
    shape.kernel.isEmpty ? "needs a convolution of one group" : nil
  }

  static func largestRanks(_ shape: WeightShape) -> [Int] {
    let sizes = [shape.inputs] + shape.kernel + [shape.rows]
    return (1..<sizes.count).map { cut in
      min(sizes[..<cut].reduce(1, *), sizes[cut...].reduce(1, *))
    }
  }

  init(shape: WeightShape, ranks: [Int]) {
    self.shape = shape
    self.ranks = ranks
  }

  var parts: [SiteForm.Part] {
    let middle = shape.kernel.indices.map { axis in
      SiteForm.Part(
        name: "axis\(axis)", rows: ranks[axis + 1], columns: ranks[axis] * shape.kernel[axis])
    }
    return [SiteForm.Part(name: "inputs", rows: ranks[0], columns: shape.inputs)] + middle
      + [SiteForm.Part(name: "outputs", rows: shape.rows, columns: ranks[ranks.count - 1])]
  }

  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix] {
    // Inputs first: a row of the rest is one input's, then one direction's and place's.
    var rest = weight.transposed()
    var parts: [Matrix] = []
    var known = 1
    for (index, size) in ([shape.inputs] + shape.kernel).enumerated() {
      let unfolded = rest.folded(rows: known * size, columns: rest.count / (known * size))
      // Cuts before this one may have left fewer directions than the next is asked for.
      let kept = min(ranks[index], unfolded.rows, unfolded.columns)
      let factors = try SVDFactorization().factors(of: unfolded, rank: kept)
      parts.append(Self.padded(factors.left, columns: ranks[index]).transposed())
      rest = Self.padded(factors.right, rows: ranks[index])
      known = ranks[index]
    }
    return parts + [rest.transposed()]
  }

  func product(_ parts: [Matrix]) -> Matrix {
    LinearAlgebra.product(parts[parts.count - 1], inner(parts) ?? parts[0])
  }

  /// All parts but the last: last rank × columns.
  func inner(_ parts: [Matrix]) -> Matrix? {
    // (inputs · places so far) × rank
    var made = parts[0].transposed()
    for axis in shape.kernel.indices {
      let core = parts[axis + 1].transposed()
        .folded(rows: ranks[axis], columns: shape.kernel[axis] * ranks[axis + 1])
      let next = LinearAlgebra.product(made, core)
      made = next.folded(rows: next.count / ranks[axis + 1], columns: ranks[axis + 1])
    }
    return made.transposed()
  }

  private static func padded(_ matrix: Matrix, columns: Int) -> Matrix {
    guard matrix.columns < columns else { return matrix }
    return padded(matrix.transposed(), rows: columns).transposed()
  }

  private static func padded(_ matrix: Matrix, rows: Int) -> Matrix {
    guard matrix.rows < rows else { return matrix }
    let result = Matrix.zeros(rows: rows, columns: matrix.columns)
    result.pointer.update(from: matrix.pointer, count: matrix.count)
    return result
  }
}
