import Testing
import ViseCompression
import ViseTensor

@Test(arguments: [true, false])
func aPrunedFactoredQuantizedSiteHasExactlyTheBytesOfItsFactors(calibrated: Bool) throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 51)
  // Half of the rank of 96.
  let name = "prune=0.3 rank=48 format=int4:g16"
  let site = try cases.compress(name, calibrated: calibrated)
  try #require(site.storage.weights.count == 2)
  let (left, right) = (site.storage.weights[0], site.storage.weights[1])
  // Codes in half bytes, a half float for each sixteen.
  #expect(left.byteCount == 96 * 24 + 96 * 3 * 2)
  #expect(right.byteCount == 48 * 64 + 48 * 8 * 2)
  let treatment = try #require(Treatment(name: name))
  #expect(site.byteCount == treatment.byteCount(for: cases.site()))
  #expect(site.byteCount == left.byteCount + right.byteCount)
}

@Test func valuesAreTheProductOfTheFactorsAsStored() throws {
  let cases = try PruningCases(rows: 100, columns: 128, seed: 52)
  let site = try cases.compress("rank=32 format=q8_0")
  try #require(site.storage.weights.count == 2)
  let (left, right) = (site.storage.weights[0], site.storage.weights[1])
  let codec = GGMLCodec(type: .q8_0)
  let (a, b) = (
    try codec.decode(left, work: cases.work), try codec.decode(right, work: cases.work)
  )
  let values = try site.values()
  for row in 0..<100 {
    for column in 0..<128 {
      let expected = (0..<32).reduce(0.0) {
        $0 + Double(a.row(row)[$1]) * Double(b.row($1)[column])
      }
      #expect(abs(Double(values.row(row)[column]) - expected) < 1e-5)
    }
  }
}

@Test func factorsForTheOutputsLeaveASmallerErrorThanFactorsForTheWeight() throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 53)
  func error(_ name: String) throws -> Double { cases.error(try cases.compress(name).values()) }
  let weighted = try error("rank=32 format=f16 method=wsvd")
  #expect(try weighted < 0.8 * error("rank=32 format=f16 method=svd"))
  #expect(try weighted == error("rank=32 format=f16"))
  // In wide formats the refit changes nothing: the weighted factors are the optimum already.
  let best = try ActivationWeightedSVD().factors(
    of: cases.weight, secondMoment: cases.secondMoment, rank: 32)
  let optimum = cases.error(best.product())
  #expect(abs(weighted - optimum) < 1e-3 * optimum)
  #expect(throws: CompressionError.needsCalibration(method: "wsvd")) {
    try cases.compress("rank=32 method=wsvd", calibrated: false)
  }
}

@Test func theLeftFactorMakesUpForTheRightOnesRounding() throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 54)
  let factors = try ActivationWeightedSVD().factors(
    of: cases.weight, secondMoment: cases.secondMoment, rank: 64)
  let codec = try #require(NumberFormat(name: "int4:g32")).codec
  func stored(_ matrix: Matrix) throws -> Matrix {
    try codec.decode(codec.encode(matrix, importance: nil, work: cases.work), work: cases.work)
  }
  let apart = LinearAlgebra.product(try stored(factors.left), try stored(factors.right))
  let together = try cases.compress("rank=64 format=int4:g32").values()
  #expect(cases.error(together) < 0.8 * cases.error(apart))
}

@Test func patternsThatAFactorizationDestroysAreRefused() throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 55)
  #expect(
    throws: CompressionError.unsuitable(
      "2:4 does not survive a factorization, whose product is dense")
  ) {
    try cases.compress("pattern=2:4 rank=48 format=int4:g16")
  }
}
