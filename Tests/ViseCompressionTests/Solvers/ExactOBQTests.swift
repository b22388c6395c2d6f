import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

private func integer(_ name: String) throws -> IntegerFormat {
  guard case .integer(let format)? = NumberFormat(name: name) else {
    throw CompressionError.unsuitable(name)
  }
  return format
}

/// The paper's algorithm in double, on the scales the solver chose, which are those of rounding.
@Test(arguments: ["int3:g8", "int4:channel", "int2:g8:minmax"])
func exactRoundingFollowsThePapersAlgorithm(name: String) throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 96, columns: 24, seed: 121)
  let weight = testWeight(rows: 6, columns: 24, seed: 122)
  let factor = try InputFactor(secondMoment: inputs.secondMoment)
  let format = try integer(name)
  let encoded = try ExactOBQ(format: format, factor: factor).encode(weight, work: work)
  let parts = PlainParts(encoded)
  let found = try parts.codes(bits: format.bits)
  let scales = try parts.halves("scales")
  let rounded = PlainParts(
    try format.encode(
      weight, importance: LinearAlgebra.diagonal(of: factor.moment), work: work))
  #expect(try rounded.halves("scales") == scales)
  #expect(try rounded.codes(bits: format.bits) != found)
  let inverse = plainInverse(factor.moment)
  let spans = scales.count / 6
  for row in 0..<6 {
    var w = (0..<24).map { Double(weight.row(row)[$0]) }
    var h = inverse
    var open = Set(0..<24)
    func code(_ column: Int) -> (code: Double, error: Double, step: Double) {
      let step = Double(scales[row * spans + column * spans / 24])
      let (low, high) = (Double(format.low), Double(format.high))
      let code = step > 0 ? min(max((w[column] / step).rounded(), low), high) : 0
      return (code, w[column] - code * step, step)
    }
    while !open.isEmpty {
      let beyond = open.filter { abs(code($0).error) > 0.51 * code($0).step }
      let p = try #require(
        (beyond.isEmpty ? open : beyond).min {
          let (a, b) = (code($0).error, code($1).error)
          return a * a / h[$0][$0] < b * b / h[$1][$1]
        })
      let (choice, column, diagonal) = (code(p), h.map { $0[p] }, h[p][p])
      #expect(found[row][p] == Int(choice.code) - format.low, "row \(row) column \(p)")
      for k in open {
        w[k] -= choice.error / diagonal * column[k]
        for l in open { h[k][l] -= column[k] * column[l] / diagonal }
      }
      open.remove(p)
    }
  }
}

/// Correlated inputs of one size: divided by their magnitudes.
private func evenMoment(_ inputs: SolverInputs) -> Matrix {
  let inverse = inputs.magnitudes.map { 1 / $0 }
  return LinearAlgebra.scaleRows(
    of: LinearAlgebra.scaleColumns(of: inputs.secondMoment, by: inverse), by: inverse)
}

@Test(arguments: ["int4:g32", "int3:g32", "int4:channel:asym"], [true, false])
func exactRoundingErrsLessThanNearestValuesAndHardlyMoreThanASweep(
  name: String, isEven: Bool
) throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 200, columns: 128, seed: 123)
  let weight = testWeight(rows: 32, columns: 128, seed: 124)
  let moment = isEven ? evenMoment(inputs) : inputs.secondMoment
  let factor = try InputFactor(secondMoment: moment)
  let format = try integer(name)
  func error(_ encoded: EncodedWeight) throws -> Double {
    factor.outputError(of: try format.decode(encoded, work: work), from: weight)
  }
  let exact = try error(ExactOBQ(format: format, factor: factor).encode(weight, work: work))
  let importance = LinearAlgebra.diagonal(of: factor.moment)
  let nearest = try error(format.encode(weight, importance: importance, work: work))
  #expect(exact < 0.9 * nearest)
  // Where some inputs are much larger than others the cheapest first leaves the dearest to the end.
  guard isEven else { return }
  let sweep = try error(GridGPTQ(codec: format, factor: factor).encode(weight, work: work))
  #expect(exact < 1.1 * sweep, "\(exact) \(nearest) \(sweep)")
}

@Test func threadsAndMasksAreKeptByExactRounding() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 96, columns: 64, seed: 125)
  let weight = testWeight(rows: 20, columns: 64, seed: 126)
  let factor = try InputFactor(secondMoment: inputs.secondMoment)
  let solver = ExactOBQ(format: try integer("int4:g32"), factor: factor)
  let mask = try MagnitudePruning(sparsity: Sparsity(ratio: 0.5)).prune(weight, work: work).mask
  let alone = try solver.encode(weight, mask: mask, work: work)
  let pooled = try solver.encode(
    weight, mask: mask, work: RowWork(pool: ComputePool(threadCount: 2)))
  for (one, other) in zip(alone.parts, pooled.parts) {
    #expect(Array(one.bytes.bytes) == Array(other.bytes.bytes))
  }
  let values = try solver.format.decode(alone, work: work)
  for row in 0..<20 {
    for column in 0..<64 where !mask[row, column] {
      #expect(values.values[row * 64 + column] == 0)
    }
  }
}

@Test func sitesTooLargeForExactRoundingAreRefusedAtOnce() throws {
  let treatment = try #require(Treatment(name: "format=int4:g128 method=obq"))
  #expect(treatment.problem(for: WeightShape(rows: 576, columns: 576)) == nil)
  let problem = try #require(treatment.problem(for: WeightShape(rows: 4096, columns: 4096)))
  #expect(problem.contains("4096 rows of 4096") && problem.contains("gptq"))
  #expect(treatment.needsCalibration)
  #expect(
    try #require(Treatment(name: "format=nf4 method=obq"))
      .problem(for: WeightShape(rows: 64, columns: 64))
      == "obq does not fill nf4:g64")
}
