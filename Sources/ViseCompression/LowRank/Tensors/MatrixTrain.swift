import ViseTensor

/// A matrix as a tensor train of three cores over digits of its rows and columns.
///
/// TT-SVD (Oseledets, "Tensor-Train Decomposition", SIAM J. Sci. Comput. 33, 2011, algorithm 1) of the
/// tensor of Novikov et al., "Tensorizing Neural Networks" (NIPS 2015, eq. 2–3).
struct MatrixTrain: TensorNetwork {
  let modes: MatrixModes
  let ranks: [Int]

  private static let coreCount = 3

  static func misfit(_ shape: WeightShape) -> String? {
    MatrixModes(shape, count: coreCount).sizes.contains(1)
      ? "needs rows and columns of at least three factors" : nil
  }

  static func largestRanks(_ shape: WeightShape) -> [Int] {
    let sizes = MatrixModes(shape, count: coreCount).sizes
    return (1..<coreCount).map { min(sizes[..<$0].reduce(1, *), sizes[$0...].reduce(1, *)) }
  }

  init(shape: WeightShape, ranks: [Int]) {
    modes = MatrixModes(shape, count: Self.coreCount)
    self.ranks = ranks
  }

  /// A core of r × n × s as r·n rows of s.
  var parts: [SiteForm.Part] {
    let sizes = modes.sizes
    return [
      SiteForm.Part(name: "core0", rows: sizes[0], columns: ranks[0]),
      SiteForm.Part(name: "core1", rows: ranks[0] * sizes[1], columns: ranks[1]),
      SiteForm.Part(name: "core2", rows: ranks[1], columns: sizes[2]),
    ]
  }

  func factors(of weight: Matrix, statistics: SiteCalibration?) throws -> [Matrix] {
    let sizes = modes.sizes
    let tensor = Matrix(
      rows: sizes[0], columns: weight.count / sizes[0], values: modes.tensor(of: weight))
    let first = try SVDFactorization().factors(of: tensor, rank: ranks[0])
    let second = try SVDFactorization().factors(
      of: first.right.folded(rows: ranks[0] * sizes[1], columns: sizes[2]), rank: ranks[1])
    return [first.left, second.left, second.right]
  }

  func product(_ parts: [Matrix]) -> Matrix {
    let sizes = modes.sizes
    let middle = parts[1].folded(rows: ranks[0], columns: sizes[1] * ranks[1])
    let left = LinearAlgebra.product(parts[0], middle)
    return modes.matrix(
      of: LinearAlgebra.product(
        left.folded(rows: sizes[0] * sizes[1], columns: ranks[1]), parts[2]))
  }
}
