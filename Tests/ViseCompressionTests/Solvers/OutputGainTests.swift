import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

private func values(_ encoded: EncodedWeight, _ type: StorageType) throws -> Matrix {
  try GGMLCodec(type: type).decode(encoded, work: work)
}

@Test func theGainOfEachRowIsAtTheLeastOfItsCost() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 120, columns: 256, seed: 91)
  let weight = testWeight(rows: 6, columns: 256, seed: 92)
  let encoded = try GGMLCodec(type: .iq2_XXS).encode(weight, importance: nil, work: work)
  let decoded = try values(encoded, .iq2_XXS)
  let factors = OutputGain.factors(
    decoded: decoded, weight: weight, secondMoment: inputs.secondMoment)
  for row in 0..<6 {
    let (share, noise) = outputSplit(decoded, weight, inputs, row: row)
    func cost(_ factor: Double) -> Double {
      let common = 1 - factor * share
      return OutputGain.commonWeight * common * common + factor * factor * noise
    }
    let factor = Double(factors[row])
    #expect(cost(factor) < cost(0.995 * factor) && cost(factor) < cost(1.005 * factor))
  }
}

@Test(arguments: [StorageType.iq1_S, .iq1_M, .iq2_XXS, .iq3_XXS, .q2_K, .q3_K, .tq1_0, .tq2_0])
func outputsKeepTheirSizeUnderTheBestMethod(type: StorageType) throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 400, columns: 256, seed: 93)
  let weight = testWeight(rows: 12, columns: 256, seed: 94)
  let encoded = try BlockGPTQ(type: type, factor: InputFactor(secondMoment: inputs.secondMoment))
    .encode(weight, work: work)
  let before = try values(encoded, type)
  try OutputGain.apply(
    to: encoded, type: type, of: weight, secondMoment: inputs.secondMoment, work: work)
  let after = try values(encoded, type)
  func bias(_ stored: Matrix) -> Double {
    (0..<12).reduce(0) { $0 + abs(1 - outputSplit(stored, weight, inputs, row: $1).share) } / 12
  }
  #expect(bias(after) < 0.5 * bias(before))
}

@Test(arguments: ["int2:channel", "int3:g64", "int3:g64:asym"])
func integersKeepTheSizeOfTheirOutputsToo(name: String) throws {
  try BLAS.load()
  guard case .integer(let format)? = NumberFormat(name: name) else {
    Issue.record("\(name) is no format")
    return
  }
  let inputs = SolverInputs(tokens: 400, columns: 256, seed: 98)
  let weight = testWeight(rows: 600, columns: 256, seed: 99)
  let encoded = try format.encode(weight, importance: nil, work: work)
  let before = try format.decode(encoded, work: work)
  let factors = OutputGain.factors(
    decoded: before, weight: weight, secondMoment: inputs.secondMoment)
  try OutputGain.apply(
    to: encoded, format: format, of: weight, secondMoment: inputs.secondMoment,
    work: RowWork(pool: ComputePool(threadCount: 2)))
  let after = try format.decode(encoded, work: work)
  // A scale is a half float, and sums over other numbers of rows are not added in one order.
  var off: Float = 0
  for row in 0..<600 {
    for column in 0..<256 where before.row(row)[column] != 0 {
      let wanted = factors[row] * before.row(row)[column]
      off = max(off, abs(after.row(row)[column] / wanted - 1))
    }
  }
  #expect(off < 0.004)
  #expect(factors.contains { abs($0 - 1) > 0.02 })
}

@Test func whatLiesOnTheGridAlreadyKeepsItsBytes() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 60, columns: 256, seed: 95)
  let source = try GGMLCodec(type: .q4_K)
    .encode(testWeight(rows: 4, columns: 256, seed: 96), importance: nil, work: work)
  let weight = try values(source, .q4_K)
  let before = [UInt8](source.bytes("data").bytes)
  for moment in [nil, inputs.secondMoment] {
    try OutputGain.apply(to: source, type: .q4_K, of: weight, secondMoment: moment, work: work)
    #expect([UInt8](source.bytes("data").bytes) == before)
  }
}

@Test func rowsThatBecameZeroStayZero() throws {
  let zeros = Matrix(rows: 2, columns: 256, values: [Float](repeating: 0, count: 512))
  let weight = testWeight(rows: 2, columns: 256, seed: 97)
  #expect(OutputGain.factors(decoded: zeros, weight: weight, secondMoment: nil) == [1, 1])
  #expect(OutputGain.factors(decoded: weight, weight: zeros, secondMoment: nil) == [1, 1])
}
