public import ViseTensor

/// Gives the kept weights of each row the values with the least squared error of the outputs.
///
/// With S the columns a row keeps, the optimum of ‖(w − ŵ)·X‖² under the mask has the closed form
/// ŵ_S = H_SS⁻¹·(H·w)_S, the reformation of "Search for Efficient Large Language Models" (Shen et
/// al., arXiv:2409.17372, section 3.4). No other values of the same mask are better under H; one
/// Cholesky factorization a row is what that costs.
public struct Reformation: Sendable {
  private let factor: InputFactor

  /// Beyond so many columns a factorization for each row takes hours.
  public static let columnLimit = 4096

  public init(factor: InputFactor) {
    self.factor = factor
  }

  /// The optimum under `mask` for `weight`, whose columns are the factor's inputs.
  public func reform(_ weight: Matrix, mask: Mask, work: RowWork) throws -> PrunedWeight {
    let columns = weight.columns
    precondition(columns == factor.size && mask.columns == columns)
    guard columns <= Self.columnLimit else {
      throw CompressionError.unsuitable(
        "the closed form needs rows of at most \(Self.columnLimit), this site's are \(columns)")
    }
    let wanted = LinearAlgebra.product(weight, factor.moment)
    let values = Matrix.zeros(rows: weight.rows, columns: columns)
    try work.forEachChunk(of: weight.rows, length: 8) { rows in
      for row in rows { try solve(row, mask, wanted, into: values) }
    }
    return PrunedWeight(values: values, mask: mask)
  }

  private func solve(_ row: Int, _ mask: Mask, _ wanted: Matrix, into values: Matrix) throws {
    let kept = (0..<mask.columns).filter { mask[row, $0] }
    guard !kept.isEmpty else { return }
    let moment = Matrix(rows: kept.count, columns: kept.count)
    let target = Matrix(rows: 1, columns: kept.count)
    withExtendedLifetime((moment, target, wanted, factor)) {
      for (place, column) in kept.enumerated() {
        target.pointer[place] = wanted.row(row)[column]
        let (to, from) = (moment.row(place), factor.moment.row(column))
        for (other, source) in kept.enumerated() { to[other] = from[source] }
      }
    }
    do {
      let root = try LinearAlgebra.cholesky(moment)
      let half = try LinearAlgebra.solveTriangular(
        root, .lower, transposed: true, on: .right, target)
      let solved = try LinearAlgebra.solveTriangular(root, .lower, on: .right, half)
      withExtendedLifetime((solved, values)) {
        for (place, column) in kept.enumerated() {
          values.row(row)[column] = solved.pointer[place]
        }
      }
    } catch {
      throw CompressionError.numericalFailure("row \(row) has no least squares: \(error)")
    }
  }
}
