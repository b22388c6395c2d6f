import Testing
import ViseCompression
import ViseTensor

private let seeds = 0..<8 as Range<UInt64>

@Test func plainAndWeightedFactorsHaveTheErrorsOfNumPy() throws {
  try BLAS.load()
  let cases = LowRankCases()
  let (weight, moment) = (cases.weight, cases.secondMoment)
  let plain = try SVDFactorization().factors(of: weight, rank: 5)
  #expect(agree(squaredError(weight, plain.product()), LowRankGoldens.plainError))
  #expect(agree(squaredError(weight, plain.product(), moment), LowRankGoldens.plainWeightedError))
  for (whitening, expected) in [
    (ActivationWeightedSVD.Whitening.cholesky, LowRankGoldens.choleskyWeightedError),
    (.diagonal(alpha: 0.5), LowRankGoldens.diagonalWeightedError),
  ] {
    let factors = try ActivationWeightedSVD(whitening: whitening, damping: 0).factors(
      of: weight, secondMoment: moment, rank: 5)
    #expect(agree(squaredError(weight, factors.product(), moment), expected))
  }
  let values = try SVDFactorization().decompose(weight).values
  #expect(agree(Double(values[0]), LowRankGoldens.largestValue))
  #expect(agree(LinearAlgebra.effectiveRank(values), LowRankGoldens.effectiveRank))
}

@Test(arguments: seeds)
func noRandomFactorsAreNearerThanTheSVD(seed: UInt64) throws {
  try BLAS.load()
  var random = RandomSource(seed: seed)
  let weight = LowRankCases.matrix(12, 9, &random)
  let best = squaredError(weight, try SVDFactorization().factors(of: weight, rank: 3).product())
  for _ in 0..<20 {
    // The best right factor for a random left one: least squares through its orthonormal basis.
    let basis = try LinearAlgebra.qr(LowRankCases.matrix(12, 3, &random)).q
    let other = LinearAlgebra.product(
      basis, LinearAlgebra.product(basis.transposed(), weight))
    #expect(squaredError(weight, other) >= best * (1 - 1e-5))
  }
}

@Test(arguments: seeds)
func whitenedFactorsLoseLessOutputThanOthersOfTheirRank(seed: UInt64) throws {
  try BLAS.load()
  var random = RandomSource(seed: seed)
  let weight = LowRankCases.matrix(20, 14, &random)
  let moment = LowRankCases.secondMoment(50, 14, &random)
  for rank in [1, 4, 13] {
    func error(_ factors: LowRankFactors) -> Double {
      squaredError(weight, factors.product(), moment)
    }
    let whitened = error(
      try ActivationWeightedSVD(damping: 0).factors(
        of: weight, secondMoment: moment, rank: rank))
    let diagonal = error(
      try ActivationWeightedSVD(whitening: .diagonal(alpha: 1)).factors(
        of: weight, secondMoment: moment, rank: rank))
    let plain = error(try SVDFactorization().factors(of: weight, rank: rank))
    #expect(whitened < plain && whitened < diagonal)
  }
}

@Test func theSingularValuesLeftOutAreTheErrorOfACut() throws {
  try BLAS.load()
  let cases = LowRankCases()
  let whitened = try ActivationWeightedSVD(damping: 0).decompose(
    cases.weight, secondMoment: cases.secondMoment)
  for rank in [1, 3, 8, 15] {
    let error = squaredError(
      cases.weight, whitened.factors(rank: rank).product(), cases.secondMoment)
    #expect(agree(error, whitened.squaredError(rank: rank)))
  }
  #expect(whitened.squaredError(rank: 16) == 0)
}

@Test func aWeightOfLowRankIsRecovered() throws {
  try BLAS.load()
  var random = RandomSource(seed: 3)
  let exact = LowRankFactors(
    left: LowRankCases.matrix(18, 4, &random), right: LowRankCases.matrix(4, 11, &random))
  let weight = exact.product()
  let moment = LowRankCases.secondMoment(40, 11, &random)
  let size = squaredError(weight, .zeros(rows: 18, columns: 11))
  let plain = try SVDFactorization().factors(of: weight, rank: 4)
  let whitened = try ActivationWeightedSVD().factors(
    of: weight, secondMoment: moment, rank: 4)
  #expect(squaredError(weight, plain.product()) < 1e-10 * size)
  #expect(squaredError(weight, whitened.product()) < 1e-8 * size)
  #expect(plain.parameterCount == 18 * 4 + 4 * 11 && plain.rank == 4)
}

@Test func channelsThatWereNeverActiveDoNotSpoilTheFactors() throws {
  try BLAS.load()
  var random = RandomSource(seed: 4)
  let weight = LowRankCases.matrix(10, 8, &random)
  let moment = LowRankCases.secondMoment(40, 8, &random)
  for index in 0..<8 {
    moment.pointer[3 * 8 + index] = 0
    moment.pointer[index * 8 + 3] = 0
  }
  for whitening in [ActivationWeightedSVD.Whitening.cholesky, .diagonal(alpha: 1)] {
    let factors = try ActivationWeightedSVD(whitening: whitening).factors(
      of: weight, secondMoment: moment, rank: 7)
    #expect(factors.product().values.allSatisfy { $0.isFinite })
    // Seven active channels and rank 7: the outputs are kept.
    let size = squaredError(weight, .zeros(rows: 10, columns: 8), moment)
    #expect(squaredError(weight, factors.product(), moment) < 1e-4 * size)
  }
}

@Test func ranksFollowTheirRules() {
  let values: [Float] = [10, 9, 8, 1, 0.9, 0.8, 0.7, 0.6]
  func rank(_ rule: RankRule) -> Int { rule.rank(of: values, rows: 40, columns: 8) }
  #expect(rank(.fixed(5)) == 5 && rank(.fixed(0)) == 1 && rank(.fixed(99)) == 8)
  // 100, 181 and 245 of 248.3.
  #expect(rank(.energy(0.4)) == 1 && rank(.energy(0.5)) == 2 && rank(.energy(0.95)) == 3)
  #expect(rank(.energy(1)) == 8 && rank(.energy(0)) == 1)
  #expect(rank(.elbow) == 3)
  // 320 numbers, 48 a rank.
  #expect(rank(.parameterShare(0.5)) == 3 && rank(.parameterShare(0)) == 1)
  let flat = [Float](repeating: 2, count: 6)
  #expect(RankRule.effectiveRank.rank(of: flat, rows: 6, columns: 6) == 6)
  #expect(RankRule.elbow.rank(of: flat, rows: 6, columns: 6) == 6)
  #expect(RankRule.effectiveRank.rank(of: [3, 0, 0], rows: 3, columns: 3) == 1)
  #expect(RankRule.elbow.rank(of: [], rows: 0, columns: 0) == 1)
}

@Test(arguments: [
  ("64", RankRule.fixed(64)), ("energy:0.95", .energy(0.95)), ("energy:95%", .energy(0.95)),
  ("elbow", .elbow), ("erank", .effectiveRank), ("share:0.5", .parameterShare(0.5)),
])
func rulesReadBackFromTheirNames(text: String, rule: RankRule) {
  #expect(RankRule(name: text) == rule)
  #expect(RankRule(name: rule.name) == rule)
}

@Test(arguments: ["", "0", "-3", "energy", "energy:0", "energy:1", "energy:nan", "elbow:2"])
func textThatIsNoRuleIsRefused(text: String) {
  #expect(RankRule(name: text) == nil)
}

@Test func breakEvenIsWhereTwoFactorsHoldAsMuchAsTheWeight() {
  for (rows, columns) in [(24, 16), (576, 1536), (7, 7), (1, 5)] {
    let limit = LowRank.breakEven(rows: rows, columns: columns)
    #expect(limit * (rows + columns) <= rows * columns)
    #expect((limit + 1) * (rows + columns) > rows * columns)
  }
}
