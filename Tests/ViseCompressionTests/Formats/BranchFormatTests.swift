import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

@Test(arguments: [("lq4:r16", "lq4:r16:g128"), ("lq3:r4:g8:asym", "lq3:r4:g8:asym")])
func branchNamesReadBack(spelling: String, name: String) throws {
  #expect(try #require(NumberFormat(name: spelling)).name == name)
}

@Test(arguments: ["lq4", "lq4:g64", "lq9:r4", "lq4:r0", "lq4:r4:what", "lq:r4"])
func namesOfNoBranchAreRefused(name: String) {
  #expect(NumberFormat(name: name) == nil)
}

@Test(arguments: ["lq3:r4:g16", "lq4:r2:channel:asym", "lq2:r40:g32"])
func branchesDecodeFromIntegersAndTwoThinFactors(name: String) throws {
  let format = try #require(NumberFormat(name: name))
  guard case .branch(let branch) = format else {
    Issue.record("\(name) is no branch format")
    return
  }
  let weight = testWeight(rows: 10, columns: 96, seed: 141)
  let encoded = try format.codec.encode(weight, importance: nil, work: work)
  #expect(encoded.byteCount == format.byteCount(rows: 10, columns: 96))
  let parts = PlainParts(encoded)
  let (left, right) = (try parts.halves("left"), try parts.halves("right"))
  let integers = branch.integers
  let codes = try parts.codes(bits: integers.bits)
  let scales = try parts.halves("scales")
  let zeros = integers.isSymmetric ? nil : try parts.bytes("zeros")
  let spans = scales.count / 10
  var expected: [Float] = []
  for row in 0..<10 {
    for column in 0..<96 {
      let span = row * spans + column * spans / 96
      let code = codes[row][column] + integers.low - Int(zeros?[span] ?? 0)
      var sum: Float = 0
      for term in 0..<branch.rank {
        sum += left[row * branch.rank + term] * right[term * 96 + column]
      }
      expected.append(Float(Float16(Float(code) * scales[span])) + sum)
    }
  }
  #expect(try format.codec.decode(encoded, work: work).values == expected)
}

/// More rank leaves less error, and rank beside integers less than the integers alone.
@Test func branchesTakeUpWhatRoundingLeaves() throws {
  let weight = testWeight(rows: 64, columns: 96, seed: 142)
  func noise(_ name: String, _ importance: [Float]? = nil) throws -> Double {
    let codec = try #require(NumberFormat(name: name)).codec
    let values = try codec.decode(
      codec.encode(weight, importance: importance, work: work), work: work)
    return squaredError(weight.values, values.values, importance: importance ?? [1])
  }
  let errors = try ["int3:g32", "lq3:r4:g32", "lq3:r16:g32", "lq3:r48:g32"].map { try noise($0) }
  #expect(zip(errors, errors.dropFirst()).allSatisfy { $0 > $1 })
  #expect(errors[3] < 0.4 * errors[0])
  let importance = testImportance(columns: 96, seed: 143)
  #expect(try noise("lq3:r8:g32", importance) < 0.9 * noise("int3:g32", importance))
}

@Test func branchesByTheOutputsBeatFeedbackAlone() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 160, columns: 96, seed: 144)
  let weight = testWeight(rows: 48, columns: 96, seed: 145)
  func error(_ name: String) throws -> Double {
    let site = Site(
      index: 0, name: "w", role: .ffnUp, block: 0, rows: 48, columns: 96, stored: .f16)
    let made = try SiteCompression(
      treatment: try #require(Treatment(name: name)), calibration: OneSite(inputs: inputs),
      factors: InputFactorCache(), work: work
    ).compress(weight, site: site)
    return inputs.outputError(try made.values(), weight)
  }
  let feedback = try error("format=int3:g32 method=gptq")
  let branch = try error("format=lq3:r8:g32 method=gptq")
  #expect(branch < 0.8 * feedback)
  #expect(try error("lq3:r8:g32") <= branch * (1 + 1e-6))
  #expect(try branch < error("format=lq3:r8:g32 method=rtn"))
}

@Test func branchesOfHostileWeightsAndLowRowsDoNoHarm() throws {
  let format = try #require(NumberFormat(name: "lq4:r16:g32"))
  let zeros = try format.codec.decode(
    format.codec.encode(.zeros(rows: 3, columns: 64), importance: nil, work: work), work: work)
  #expect(zeros.values.allSatisfy { $0 == 0 })
  let hostile = testWeight(rows: 4, columns: 64, seed: 146)
  hostile.row(0)[3] = .nan
  hostile.row(1)[7] = .infinity
  let encoded = try format.codec.encode(hostile, importance: nil, work: work)
  #expect(encoded.byteCount == format.byteCount(rows: 4, columns: 64))
  #expect(format.misfit(columns: 16) != nil)
}

private struct OneSite: CalibrationSource {
  let inputs: SolverInputs
  let identity = "one site"

  func statistics(of site: Site) throws -> SiteCalibration? {
    SiteCalibration(
      tokenCount: inputs.tokens.rows, secondMoment: inputs.secondMoment, mean: inputs.mean,
      minimum: inputs.mean, maximum: inputs.mean)
  }
}
