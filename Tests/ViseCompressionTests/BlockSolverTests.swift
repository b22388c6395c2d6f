import Testing
import ViseCompression
import ViseTensor

/// Weights, and the second moment of inputs whose features go together.
private struct Problem {
  let weight: Matrix
  let moment: Matrix

  init(rows: Int, columns: Int, seed: UInt64) throws {
    try BLAS.load()
    var random = TestWeights(seed: seed)
    weight = Matrix(
      rows: rows, columns: columns, values: random.normal(rows * columns, deviation: 0.05))
    let count = columns * 3
    let factors = Matrix(rows: count, columns: 24, values: random.normal(count * 24, deviation: 1))
    let loads = Matrix(
      rows: columns, columns: 24, values: random.normal(columns * 24, deviation: 0.5))
    let inputs = Matrix(
      rows: count, columns: columns, values: random.normal(count * columns, deviation: 0.4))
    moment = Matrix(rows: columns, columns: columns)
    withExtendedLifetime((factors, loads, inputs, moment)) {
      BLAS.multiplyTransposed(
        m: count, n: columns, k: 24, a: factors.pointer, strideA: 24, b: loads.pointer,
        strideB: 24, beta: 1, c: inputs.pointer, strideC: columns)
      moment.pointer.update(repeating: 0, count: columns * columns)
    }
    try LinearAlgebra.accumulateGram(
      x: inputs.pointer, rows: count, columns: columns, stride: columns, into: moment)
    LinearAlgebra.symmetrize(moment)
    Kernels.scale(moment.pointer, count: moment.count, by: 1 / Float(count))
  }
}

private let types: [StorageType] = [
  .q8_0, .q6_K, .q5_K, .q5_1, .q5_0, .q4_K, .q4_1, .q4_0, .iq4_NL, .q3_K, .q2_K,
]

@Test(arguments: types)
func feedbackLessensOutputErrorAndDescentLessensItFurther(type: StorageType) throws {
  let problem = try Problem(rows: 37, columns: 512, seed: 21)
  let factor = try InputFactor(secondMoment: problem.moment)
  let codec = GGMLCodec(type: type)
  let work = RowWork(pool: ComputePool(threadCount: 2))
  let plain = try codec.encode(problem.weight, importance: nil, work: work)
  let solved = try BlockGPTQ(type: type, factor: factor).encode(problem.weight, work: work)
  func error(_ encoded: EncodedWeight) throws -> Double {
    factor.outputError(of: try codec.decode(encoded, work: work), from: problem.weight)
  }
  let (before, feedback) = (try error(plain), try error(solved))
  #expect(feedback < 0.8 * before)
  try BlockDescent(type: type, factor: factor, passes: 1)
    .improve(solved, of: problem.weight, work: work)
  let once = try error(solved)
  try BlockDescent(type: type, factor: factor, passes: 3)
    .improve(solved, of: problem.weight, work: work)
  let often = try error(solved)
  #expect(once < feedback)
  #expect(often <= once)
}
