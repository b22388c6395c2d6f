public import ViseTensor

/// A weight whose outputs and inputs fall into groups that do not mix.
public struct BlockDiagonalFactors: Sendable {
  /// From the upper left to the lower right, all of one shape.
  public let blocks: [Matrix]

  public var parameterCount: Int { blocks.reduce(0) { $0 + $1.count } }

  /// The blocks with zeros around them.
  public func product() -> Matrix {
    guard let first = blocks.first else { return .zeros(rows: 0, columns: 0) }
    let result = Matrix.zeros(
      rows: blocks.count * first.rows, columns: blocks.count * first.columns)
    for (index, block) in blocks.enumerated() {
      withExtendedLifetime((block, result)) {
        for row in 0..<block.rows {
          (result.row(index * block.rows + row) + index * block.columns).update(
            from: block.row(row), count: block.columns)
        }
      }
    }
    return result
  }
}

/// The nearest block-diagonal matrix: the blocks themselves, as the rest has no place to go.
///
/// In the outputs on calibration data the blocks are refitted: with M = E[x·xᵀ], the rows of group
/// g become W_g·M[:,g]·M[g,g]⁻¹, the least-squares answer when only the inputs of g are seen.
public struct BlockDiagonal: Sendable {
  public let blockCount: Int
  public let damping: Float

  public init(blockCount: Int, damping: Float = 1e-4) {
    precondition(blockCount > 0)
    self.blockCount = blockCount
    self.damping = damping
  }

  public func fits(rows: Int, columns: Int) -> Bool {
    rows > 0 && columns > 0 && rows % blockCount == 0 && columns % blockCount == 0
  }

  /// The blocks nearest to `weight`, or to its outputs where a second moment is given.
  public func factors(
    of weight: Matrix, secondMoment: Matrix? = nil
  ) throws(LinearAlgebraError) -> BlockDiagonalFactors {
    precondition(fits(rows: weight.rows, columns: weight.columns))
    var blocks: [Matrix] = []
    for index in 0..<blockCount {
      let height = weight.rows / blockCount
      let width = weight.columns / blockCount
      let rows = weight.rows(index * height..<(index + 1) * height)
      let columns = index * width..<(index + 1) * width
      if let secondMoment {
        blocks.append(try refit(rows, columns, secondMoment))
      } else {
        blocks.append(rows.columns(columns))
      }
    }
    return BlockDiagonalFactors(blocks: blocks)
  }

  /// rows · M[:, columns] · M[columns, columns]⁻¹ by two triangular solves.
  private func refit(
    _ rows: Matrix, _ columns: Range<Int>, _ secondMoment: Matrix
  ) throws(LinearAlgebraError) -> Matrix {
    let seen = secondMoment.columns(columns)
    let root = try LinearAlgebra.dampedCholesky(seen.rows(columns), damping: damping).factor
    let target = LinearAlgebra.product(rows, seen)
    let half = try LinearAlgebra.solveTriangular(
      root, .lower, transposed: true, on: .right, target)
    return try LinearAlgebra.solveTriangular(root, .lower, on: .right, half)
  }
}
