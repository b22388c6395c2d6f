import Testing
import ViseCompression
import ViseTensor

@Test(
  arguments: [
    "keep", "q4_K", "int4:g128", "int8:channel", "int3:g64:asym", "prune=0.3 format=q4_0",
    "pattern=2:4 format=int4:g128 method=sparsegpt+gptq", "rank=64 format=int4:g128",
    "prune=0.3 rank=64 format=int4:g128 method=wanda+wsvd+gptq", "prune=0.5",
  ])
func aTreatmentsNameReadsBackToIt(name: String) throws {
  let treatment = try #require(Treatment(name: name))
  #expect(treatment.name == name)
  #expect(Treatment(name: treatment.name) == treatment)
}

@Test(
  arguments: [
    "", "q9_K", "int9", "int4:g3", "int4:g128:what", "prune=1", "prune=-0.1", "prune=nan", "rank=0",
    "rank=x", "method=gptq", "method=wanda", "prune=0.3 pattern=2:4", "pattern=4:2", "prune",
    "format=int4 colour=red", "group=64", "pattern=2:4:8",
  ])
func whatIsNoTreatmentIsRefused(name: String) {
  #expect(Treatment(name: name) == nil)
}

@Test func combinationsThatCannotWorkAreRefusedWithAReason() throws {
  func problem(_ name: String, rows: Int = 64, columns: Int = 96) throws -> String? {
    try #require(Treatment(name: name)).problem(for: WeightShape(rows: rows, columns: columns))
  }
  #expect(try problem("prune=0.3 rank=32 format=int4:g32") == nil)
  #expect(
    try problem("pattern=2:4 rank=32")
      == "2:4 does not survive a factorization, whose product is dense")
  #expect(
    try problem("pattern=2:4", columns: 30)
      == "2:4 needs rows divisible by 4, this site's are 30")
  #expect(
    try problem("rank=64") == "rank 64 is no reduction: the weight's own is at most 64")
  #expect(
    try problem("rank=20 format=q4_0")
      == "a factor of rank 20: q4_0 needs rows divisible by 32, this site's are 20")
  #expect(try problem("prune=0.999") == "pruning 0.999 leaves nothing of rows of 96")
}

@Test func bytesOfACompositionAreThoseOfItsFactors() throws {
  let site = Site(
    index: 0, name: "w", role: .ffnUp, block: 0, rows: 64, columns: 96, stored: .f16)
  let treatment = try #require(Treatment(name: "prune=0.3 rank=32 format=int4:g32"))
  // Codes: 64 × 16 and 32 × 48 bytes; half-float scales: 64 × 1 and 32 × 3.
  #expect(treatment.byteCount(for: site) == 64 * 16 + 64 * 2 + 32 * 48 + 32 * 3 * 2)
}

@Test func theSmallestWeightsHoldTheirShareOfAGaussiansPower() {
  var weights = TestWeights(seed: 5)
  let values = weights.normal(40_000, deviation: 1).map { Double($0) * Double($0) }.sorted()
  let total = values.reduce(0, +)
  for share in [0.1, 0.3, 0.5, 0.8] {
    let found = values.prefix(Int(share * 40_000)).reduce(0, +) / total
    let treatment = Treatment(sparsity: Sparsity(ratio: share))
    // The weights are sums of twelve uniform numbers: their tails are lighter than a Gaussian.
    #expect(abs(treatment.expectedNoise(for: WeightShape(rows: 8, columns: 8)) - found) < 0.02)
  }
}
