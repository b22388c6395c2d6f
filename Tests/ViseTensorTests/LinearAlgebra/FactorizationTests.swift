import Testing
import ViseTensor

/// Orders that are no multiple of any block size, and one beyond LAPACK's blocks.
private let orders = [1, 2, 7, 33, 130]
/// Rows and columns, tall, wide and square.
private let shapes = [(1, 1), (5, 3), (3, 5), (40, 40), (90, 33), (33, 90)]

@Test(arguments: orders)
func gramIsTheSumOfOuterProducts(columns: Int) throws {
  var source = MatrixSource(seed: 1)
  let x = source.matrix(50, columns + 3)
  let gram = Matrix.zeros(rows: columns, columns: columns)
  // Two pieces of rows that lie further apart than they are long.
  try withExtendedLifetime(x) {
    try LinearAlgebra.accumulateGram(
      x: x.pointer, rows: 20, columns: columns, stride: columns + 3, into: gram)
    try LinearAlgebra.accumulateGram(
      x: x.row(20), rows: 30, columns: columns, stride: columns + 3, into: gram)
  }
  LinearAlgebra.symmetrize(gram)
  let plain = Plain(x.columns(0..<columns))
  #expect(Plain(gram).distance(to: plain.transposed * plain) < 1e-6)
}

@Test(arguments: orders)
func choleskyFactorMultipliesBackToItsMatrix(order: Int) throws {
  var source = MatrixSource(seed: 2)
  let a = source.positiveDefinite(order)
  let factor = Plain(try LinearAlgebra.cholesky(a))
  for row in 0..<order {
    #expect(factor[row, row] > 0)
    for column in row + 1..<max(order, row + 1) { #expect(factor[row, column] == 0) }
  }
  #expect((factor * factor.transposed).distance(to: Plain(a)) < 2e-6)
}

@Test(arguments: orders)
func inverseTimesMatrixIsTheIdentity(order: Int) throws {
  var source = MatrixSource(seed: 3)
  let a = source.positiveDefinite(order)
  let inverse = Plain(try LinearAlgebra.inverseSymmetric(a))
  #expect((inverse * Plain(a)).distance(to: .identity(order)) < 1e-3)
  #expect(inverse.distance(to: inverse.transposed) == 0)
}

@Test(arguments: orders)
func upperFactorOfTheInverseInvertsTheDampedMatrix(order: Int) throws {
  var source = MatrixSource(seed: 4)
  let h = source.positiveDefinite(order)
  let result = try LinearAlgebra.upperCholeskyOfInverse(h, damping: 0.01)
  #expect(result.damping == 0.01 && !result.isRaised)
  let u = Plain(result.factor)
  for row in 0..<order {
    #expect(u[row, row] > 0)
    for column in 0..<row { #expect(u[row, column] == 0) }
  }
  var damped = Plain(h)
  let mean = LinearAlgebra.diagonal(of: h).reduce(0.0) { $0 + Double($1) } / Double(order)
  for index in 0..<order { damped[index, index] += 0.01 * mean }
  #expect((u.transposed * u * damped).distance(to: .identity(order)) < 1e-3)
}

@Test func dampingIsRaisedUntilTheFactorExists() throws {
  // Of rank 1: without damping only rounding decides.
  let x: [Float] = [1, 2, -3, 4]
  let h = Matrix(rows: 4, columns: 4, values: x.flatMap { a in x.map { a * $0 } })
  h.pointer[0] -= 0.05
  let result = try LinearAlgebra.upperCholeskyOfInverse(h, damping: 0)
  #expect(result.isRaised && result.damping > 0 && result.damping <= 1)
  let zero = try LinearAlgebra.upperCholeskyOfInverse(.zeros(rows: 3, columns: 3), damping: 0.01)
  #expect(Plain(zero.factor).distance(to: Plain(.diagonal([10, 10, 10]))) < 1e-6)
}

@Test func whatHasNoFactorIsRefusedWithItsOrder() {
  let indefinite = Matrix(rows: 3, columns: 3, values: [1, 0, 0, 0, -1, 0, 0, 0, 1])
  #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 2)) {
    try LinearAlgebra.cholesky(indefinite)
  }
  #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 2)) {
    try LinearAlgebra.upperCholeskyOfInverse(
      Matrix(rows: 3, columns: 3, values: [1, 0, 0, 0, -9, 0, 0, 0, 1]), damping: 0.01)
  }
  let notANumber = Matrix(rows: 2, columns: 2, values: [1, 0, 0, .nan])
  #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 2)) {
    try LinearAlgebra.cholesky(notANumber)
  }
  #expect(throws: LinearAlgebraError.notFinite) {
    try LinearAlgebra.dampedCholesky(notANumber, damping: 0.01)
  }
  #expect(throws: LinearAlgebraError.notFinite) { try LinearAlgebra.svd(notANumber) }
  #expect(throws: LinearAlgebraError.notFinite) { try LinearAlgebra.symmetricEigen(notANumber) }
  #expect(throws: LinearAlgebraError.notFinite) { try LinearAlgebra.qr(notANumber) }
  #expect(throws: LinearAlgebraError.singular(row: 1)) {
    try LinearAlgebra.invertTriangular(.diagonal([1, 0]), .upper)
  }
}

@Test(arguments: [LinearAlgebra.Triangle.lower, .upper], [false, true])
func triangularSolvesUndoTriangularProducts(
  triangle: LinearAlgebra.Triangle, transposed: Bool
) throws {
  var source = MatrixSource(seed: 5)
  let lower = try LinearAlgebra.cholesky(source.positiveDefinite(40))
  let t = triangle == .lower ? lower : lower.transposed()
  let b = source.matrix(40, 13), c = source.matrix(13, 40)
  let plain = transposed ? Plain(t).transposed : Plain(t)
  let left = try LinearAlgebra.multiplyTriangular(t, triangle, transposed: transposed, b)
  #expect(Plain(left).distance(to: plain * Plain(b)) < 1e-6)
  let right = try LinearAlgebra.multiplyTriangular(
    t, triangle, transposed: transposed, on: .right, c)
  #expect(Plain(right).distance(to: Plain(c) * plain) < 1e-6)
  let solvedLeft = try LinearAlgebra.solveTriangular(t, triangle, transposed: transposed, left)
  #expect(Plain(solvedLeft).distance(to: Plain(b)) < 1e-4)
  let solvedRight = try LinearAlgebra.solveTriangular(
    t, triangle, transposed: transposed, on: .right, right)
  #expect(Plain(solvedRight).distance(to: Plain(c)) < 1e-4)
  let inverse = Plain(try LinearAlgebra.invertTriangular(t, triangle))
  #expect((inverse * Plain(t)).distance(to: .identity(40)) < 1e-4)
}

@Test(arguments: orders)
func eigenvectorsAreOrthonormalAndRebuildTheMatrix(order: Int) throws {
  var source = MatrixSource(seed: 6)
  let half = Plain(source.matrix(order, order))
  let symmetric = Matrix(
    rows: order, columns: order,
    values: zip(half.values, half.transposed.values).map { Float($0 + $1) })
  let eigen = try LinearAlgebra.symmetricEigen(symmetric)
  #expect(eigen.values == eigen.values.sorted())
  let vectors = Plain(eigen.vectors)
  #expect((vectors * vectors.transposed).distance(to: .identity(order)) < 1e-5)
  let rebuilt = vectors.transposed * Plain(.diagonal(eigen.values)) * vectors
  #expect(rebuilt.distance(to: Plain(symmetric)) < 1e-5)
}

@Test(arguments: shapes)
func singularVectorsAreOrthonormalAndRebuildTheMatrix(rows: Int, columns: Int) throws {
  var source = MatrixSource(seed: 7)
  let a = source.matrix(rows, columns)
  let svd = try LinearAlgebra.svd(a)
  let inner = min(rows, columns)
  #expect(svd.s == svd.s.sorted(by: >) && svd.s.allSatisfy { $0 >= 0 })
  let u = Plain(svd.u), vt = Plain(svd.vt)
  #expect((u.transposed * u).distance(to: .identity(inner)) < 1e-5)
  #expect((vt * vt.transposed).distance(to: .identity(inner)) < 1e-5)
  #expect((u * Plain(.diagonal(svd.s)) * vt).distance(to: Plain(a)) < 1e-5)
}

@Test func aCutDecompositionErrsByTheSingularValuesLeftOut() throws {
  var source = MatrixSource(seed: 8)
  let a = source.matrix(30, 20)
  let all = try LinearAlgebra.svd(a)
  let cut = try LinearAlgebra.svd(a, rank: 6)
  #expect(cut.rank == 6 && cut.u.columns == 6 && cut.vt.rows == 6)
  let rebuilt = Plain(cut.u) * Plain(.diagonal(cut.s)) * Plain(cut.vt)
  let error = zip(rebuilt.values, Plain(a).values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let left = all.s[6...].reduce(0.0) { $0 + Double($1) * Double($1) }
  #expect(abs(error - left) < 1e-4 * left)
}

@Test(arguments: shapes)
func qrIsOrthonormalTimesUpperTriangular(rows: Int, columns: Int) throws {
  var source = MatrixSource(seed: 9)
  let a = source.matrix(rows, columns)
  let result = try LinearAlgebra.qr(a)
  let q = Plain(result.q), r = Plain(result.r)
  #expect((q.transposed * q).distance(to: .identity(min(rows, columns))) < 1e-5)
  for row in 0..<r.rows {
    for column in 0..<min(row, columns) { #expect(r[row, column] == 0) }
  }
  #expect((q * r).distance(to: Plain(a)) < 1e-5)
}

@Test(arguments: shapes)
func productsAndTransposesAgreeWithTheirDefinitions(rows: Int, columns: Int) throws {
  try BLAS.load()
  var source = MatrixSource(seed: 10)
  let a = source.matrix(rows, columns), b = source.matrix(columns, 7), c = source.matrix(6, columns)
  #expect(Plain(LinearAlgebra.product(a, b)).distance(to: Plain(a) * Plain(b)) < 1e-5)
  #expect(
    Plain(LinearAlgebra.productTransposed(a, c)).distance(to: Plain(a) * Plain(c).transposed)
      < 1e-5)
  #expect(Plain(a.transposed()).distance(to: Plain(a).transposed) == 0)
}

@Test func effectiveRankCountsEqualValuesAndIgnoresZeros() {
  #expect(abs(LinearAlgebra.effectiveRank([2, 2, 2, 2]) - 4) < 1e-12)
  #expect(abs(LinearAlgebra.effectiveRank([5, 0, 0]) - 1) < 1e-12)
  #expect(LinearAlgebra.effectiveRank([0, 0]) == 0)
}
