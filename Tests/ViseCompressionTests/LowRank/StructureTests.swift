import Testing
import ViseCompression
import ViseTensor

@Test func structuredProjectionsHaveTheErrorsOfNumPy() throws {
  try BLAS.load()
  let cases = LowRankCases()
  let weight = cases.weight
  let kronecker = try KroneckerProduct(outerRows: 4, outerColumns: 2).factors(
    of: weight, termCount: 2)
  #expect(agree(squaredError(weight, kronecker.product()), LowRankGoldens.kroneckerError))
  #expect(kronecker.parameterCount == 2 * (4 * 2 + 6 * 8))
  let toeplitz = ToeplitzProjection().factors(of: weight)
  #expect(agree(squaredError(weight, toeplitz.product()), LowRankGoldens.toeplitzError))
  let hankel = HankelProjection().factors(of: weight)
  #expect(agree(squaredError(weight, hankel.product()), LowRankGoldens.hankelError))
  #expect(toeplitz.parameterCount == 39 && hankel.parameterCount == 39)
  let displacement = try DisplacementRank(rank: 4).factors(of: cases.square)
  #expect(
    agree(squaredError(cases.square, displacement.product()), LowRankGoldens.displacementError))
  #expect(displacement.parameterCount == 2 * 4 * 12)
  let blocks = try BlockDiagonal(blockCount: 4, damping: 0).factors(
    of: weight, secondMoment: cases.secondMoment)
  #expect(
    agree(
      squaredError(weight, blocks.product(), cases.secondMoment),
      LowRankGoldens.blockWeightedError))
  #expect(blocks.parameterCount == 24 * 16 / 4)
}

@Test(arguments: [(2, 3), (4, 2), (1, 6), (8, 1)])
func aSumOfKroneckerProductsIsRecovered(outerRows: Int, outerColumns: Int) throws {
  var random = RandomSource(seed: 11)
  let terms = (0..<2).map { _ in
    (
      LowRankCases.matrix(outerRows, outerColumns, &random),
      LowRankCases.matrix(3, 5, &random)
    )
  }
  let weight = Matrix.zeros(rows: outerRows * 3, columns: outerColumns * 5)
  for row in 0..<weight.rows {
    for column in 0..<weight.columns {
      weight.row(row)[column] = terms.reduce(0) { sum, term in
        sum + term.0.row(row / 3)[column / 5] * term.1.row(row % 3)[column % 5]
      }
    }
  }
  let method = KroneckerProduct(outerRows: outerRows, outerColumns: outerColumns)
  #expect(method.fits(rows: weight.rows, columns: weight.columns))
  #expect(!method.fits(rows: weight.rows, columns: 5 * outerColumns + 1) || outerColumns == 1)
  let factors = try method.factors(of: weight, termCount: 2)
  #expect(squaredError(weight, factors.product()) < 1e-9)
  let fewer = try method.factors(of: weight, termCount: 1)
  #expect(squaredError(weight, fewer.product()) > 1e-3)
}

@Test func matricesOfAStructureAreKeptByItsProjection() {
  let toeplitz = matrix(4, 6) { Float(($1 - $0) * ($1 - $0)) }
  #expect(ToeplitzProjection().factors(of: toeplitz).product().values == toeplitz.values)
  #expect(squaredError(HankelProjection().factors(of: toeplitz).product(), toeplitz) > 1)
  let hankel = matrix(6, 4) { Float(($0 + $1) * ($0 + $1)) }
  #expect(HankelProjection().factors(of: hankel).product().values == hankel.values)
  #expect(squaredError(ToeplitzProjection().factors(of: hankel).product(), hankel) > 1)
}

/// The matrix with `value(row, column)` at each place.
private func matrix(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Float) -> Matrix {
  Matrix(
    rows: rows, columns: columns,
    values: (0..<rows).flatMap { row in (0..<columns).map { value(row, $0) } })
}

@Test(arguments: 0..<6 as Range<UInt64>)
func aProjectionLeavesNothingAlongItsDiagonals(seed: UInt64) {
  var random = RandomSource(seed: seed)
  let weight = LowRankCases.matrix(7, 5, &random)
  for isHankel in [false, true] {
    let nearest =
      isHankel
      ? HankelProjection().factors(of: weight) : ToeplitzProjection().factors(of: weight)
    let rest = zip(weight.values, nearest.product().values).map { Double($0 - $1) }
    var sums = [Int: Double]()
    for (index, value) in rest.enumerated() {
      let (row, column) = (index / 5, index % 5)
      sums[isHankel ? row + column : column - row, default: 0] += value
    }
    #expect(sums.count == 11 && sums.values.allSatisfy { abs($0) < 1e-5 })
  }
}

@Test func displacementOfFullRankLosesNothingAndOfAToeplitzMatrixIsTwo() throws {
  try BLAS.load()
  var random = RandomSource(seed: 5)
  for order in [1, 2, 3, 8, 13] {
    let weight = LowRankCases.matrix(order, order, &random)
    let whole = try DisplacementRank(rank: order).factors(of: weight)
    #expect(squaredError(weight, whole.product()) < 1e-8)
    let diagonals = (0..<2 * order).map { _ in Float(random.nextUnit()) }
    let toeplitz = matrix(order, order) { diagonals[$1 - $0 + order] }
    let two = try DisplacementRank(rank: 2).factors(of: toeplitz)
    #expect(squaredError(toeplitz, two.product()) < 1e-8)
  }
}

@Test func blocksAreTakenAsTheyAreAndRefittedWhereInputsAreCorrelated() throws {
  try BLAS.load()
  let cases = LowRankCases()
  let method = BlockDiagonal(blockCount: 2, damping: 0)
  let plain = try method.factors(of: cases.weight).product()
  for row in 0..<24 {
    for column in 0..<16 {
      let isInside = row / 12 == column / 8
      #expect(plain.row(row)[column] == (isInside ? cases.weight.row(row)[column] : 0))
    }
  }
  let again = try method.factors(of: plain).product()
  #expect(again.values == plain.values)
  let moment = cases.secondMoment
  let refitted = try method.factors(of: cases.weight, secondMoment: moment).product()
  #expect(
    squaredError(cases.weight, refitted, moment) < squaredError(cases.weight, plain, moment))
  #expect(method.fits(rows: 24, columns: 16) && !method.fits(rows: 24, columns: 15))
}

@Test(arguments: [
  ("structure=kronecker:8x16:6 format=f16", 2 * 6 * (8 * 16 + 12 * 8)),
  ("structure=blocks:4 format=int4:g16", 96 * 32 / 2 + 96 * 2 * 2),
  ("structure=toeplitz format=f16", 2 * 223),
  ("prune=0.3 structure=hankel format=int8:channel", 223 + 2),
])
func aStructuredSiteHasExactlyTheBytesOfItsParts(name: String, byteCount: Int) throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 54)
  let treatment = try #require(Treatment(name: name))
  #expect(treatment.name == name && treatment.byteCount(for: cases.site()) == byteCount)
  let site = try cases.compress(name)
  #expect(site.byteCount == byteCount)
  #expect(
    try #require(treatment.storedTensors(for: cases.site())).map(\.byteCount).reduce(0, +)
      == byteCount)
  #expect(site.storedBytes.reduce(0) { $0 + $1.count } == byteCount)
}

@Test func structuredValuesAreThoseOfThePartsByPlainCode() throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 55)
  func parts(_ name: String) throws -> (parts: [Matrix], values: Matrix) {
    let site = try cases.compress("structure=\(name) format=int8:channel")
    let decoded = try site.storage.weights.map {
      try site.format.codec.decode($0, work: cases.work)
    }
    return (decoded, try site.values())
  }
  let kronecker = try parts("kronecker:8x16:3")
  let blocks = try parts("blocks:4")
  let hankel = try parts("hankel")
  for row in 0..<96 {
    for column in 0..<128 {
      let sum = (0..<3).reduce(Float(0)) { sum, term in
        sum + kronecker.parts[0].row(term * 8 + row / 12)[column / 8]
          * kronecker.parts[1].row(term * 12 + row % 12)[column % 8]
      }
      #expect(abs(kronecker.values.row(row)[column] - sum) < 1e-6)
      let block =
        row / 24 == column / 32 ? blocks.parts[row / 24].row(row % 24)[column % 32] : 0
      #expect(blocks.values.row(row)[column] == block)
      #expect(hankel.values.row(row)[column] == hankel.parts[0].row(0)[row + column])
    }
  }
}

@Test func aDisplacedSquareComesBackNearlyAtFullRankAndBlocksFollowTheOutputs() throws {
  let square = try PruningCases(rows: 64, columns: 64, seed: 56)
  let few = try square.compress("structure=displacement:8 format=f16").values()
  let many = try square.compress("structure=displacement:31 format=f16").values()
  #expect(squaredError(square.weight, many) < squaredError(square.weight, few))
  let cases = try PruningCases(rows: 96, columns: 128, seed: 57)
  let fitted = cases.error(try cases.compress("structure=blocks:4 format=f16").values())
  let plain = cases.error(
    try cases.compress("structure=blocks:4 format=f16", calibrated: false).values())
  #expect(fitted < plain)
}

@Test(arguments: [
  ("structure=kronecker:5x16:2", "needs 5 × 16 to divide 96 × 128"),
  ("structure=kronecker:1x2:3", "has 2 terms at most here"),
  ("structure=kronecker:16x16:200", "has 48 terms at most here"),
  ("structure=blocks:1", "is none of 2 to 64 blocks"),
  ("structure=blocks:64", "needs 64 to divide 96 × 128"),
  ("structure=displacement:4", "needs a square weight"),
  ("structure=kronecker:8x16:96", "no fewer than the weight's"),
  ("structure=kronecker:8x16:2 format=q4_0", "needs rows divisible by 32"),
  ("structure=toeplitz format=int4:g16 method=gptq", "gptq needs inputs"),
  ("pattern=2:4 structure=toeplitz", "does not survive"),
])
func structuresThatDoNotSuitAreRefusedWithTheReason(name: String, reason: String) throws {
  let treatment = try #require(Treatment(name: name))
  let problem = treatment.problem(for: WeightShape(rows: 96, columns: 128))
  #expect(problem?.contains(reason) == true, "\(problem ?? "none")")
}

@Test(arguments: [
  "structure=kronecker:16x16", "structure=kronecker:16:16x4", "structure=blocks:0",
  "structure=blocks:4x4", "structure=toeplitz:2", "structure=ring", "structure=blocks:4 rank=8",
])
func textThatIsNoStructureIsNoTreatment(name: String) {
  #expect(Treatment(name: name) == nil)
}
