import Testing
import ViseCompression
import ViseTensor

/// Value rows of a head and the output columns of the query heads that share them.
private struct SharedHead {
  let values: Matrix
  let outputs: [Matrix]

  init(width: Int, length: Int, heads: Int, seed: UInt64) {
    var random = RandomSource(seed: seed)
    values = LowRankCases.matrix(length, width, &random)
    outputs = (0..<heads).map { _ in LowRankCases.matrix(width, length, &random) }
  }

  /// All heads' W_O·W_V below each other, by plain sums.
  func product(_ outputs: [Matrix], _ values: Matrix) -> [Double] {
    outputs.flatMap { output in
      (0..<output.rows).flatMap { row in
        (0..<values.columns).map { column in
          (0..<values.rows).reduce(0.0) {
            $0 + Double(output.row(row)[$1]) * Double(values.row($1)[column])
          }
        }
      }
    }
  }

  /// The same with the factors of `found` in between.
  func product(_ found: HeadProduct) -> [Double] {
    product(
      zip(outputs, found.outputs).map { LinearAlgebra.product($0, $1) },
      LinearAlgebra.product(found.values, values))
  }

  var white: Matrix { LinearAlgebra.productTransposed(values, values) }
}

private func squaredDistance(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
}

@Test(arguments: [1, 2, 3], [2, 5, 7])
func headProductsOfWhiteInputsAreTheSVDOfTheProduct(heads: Int, rank: Int) throws {
  try BLAS.load()
  let head = SharedHead(width: 20, length: 8, heads: heads, seed: UInt64(10 * heads + rank))
  let found = try HeadProduct(
    head.outputs.map { .init(columns: $0, moment: head.white) }, rank: rank)
  #expect(found.values.rows == rank && found.values.columns == 8)
  #expect(found.outputs.count == heads)
  #expect(found.outputs.allSatisfy { $0.rows == 8 && $0.columns == rank })
  let whole = head.product(head.outputs, head.values)
  let explicit = Matrix(rows: 20 * heads, columns: 20, values: whole.map { Float($0) })
  let best = try SVDFactorization().decompose(explicit).squaredError(rank: rank)
  let error = squaredDistance(head.product(found), whole)
  #expect(abs(error - best) < 1e-3 * best)
  let square = whole.reduce(0) { $0 + $1 * $1 }
  #expect(abs(found.energy - (1 - best / square)) < 1e-3)
}

@Test func headProductsOfFullRankLoseNothing() throws {
  try BLAS.load()
  let head = SharedHead(width: 12, length: 6, heads: 2, seed: 5)
  let found = try HeadProduct(
    head.outputs.map { .init(columns: $0, moment: head.white) }, rank: 6)
  let whole = head.product(head.outputs, head.values)
  #expect(squaredDistance(head.product(found), whole) < 1e-6 * whole.reduce(0) { $0 + $1 * $1 })
  #expect(found.energy > 1 - 1e-6)
}

/// What is cut away are directions the inputs hardly take.
@Test func headProductsKeepWhatTheInputsUse() throws {
  try BLAS.load()
  let head = SharedHead(width: 16, length: 8, heads: 2, seed: 6)
  var random = RandomSource(seed: 7)
  let moment = LowRankCases.secondMoment(40, 8, &random)
  let (used, blind) = (
    try HeadProduct(head.outputs.map { .init(columns: $0, moment: moment) }, rank: 4),
    try HeadProduct(head.outputs.map { .init(columns: $0, moment: head.white) }, rank: 4)
  )
  func error(_ found: HeadProduct) -> Double {
    zip(head.outputs, found.outputs).reduce(0) { sum, pair in
      sum
        + QuadraticError.outputError(
          of: LinearAlgebra.product(LinearAlgebra.product(pair.0, pair.1), found.values),
          from: pair.0, secondMoment: moment)
    }
  }
  #expect(error(used) < 0.7 * error(blind))
  let whole = head.outputs.reduce(0.0) {
    $0
      + QuadraticError.outputError(
        of: .zeros(rows: 16, columns: 8), from: $1, secondMoment: moment)
  }
  #expect(abs(used.energy - (1 - error(used) / whole)) < 1e-4)
}
