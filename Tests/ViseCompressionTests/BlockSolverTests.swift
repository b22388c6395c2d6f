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

private let types: [StorageType] = NumberFormat.encodable.filter { BlockSolving.canDescend($0) }
private let gridTypes: [StorageType] = NumberFormat.encodable.filter {
  BlockSolving.canFeedBack($0) && !BlockSolving.canDescend($0)
}

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

@Test(arguments: gridTypes)
func feedbackBetweenBlocksLessensOutputError(type: StorageType) throws {
  let problem = try Problem(rows: 20, columns: 1024, seed: 22)
  let factor = try InputFactor(secondMoment: problem.moment)
  let codec = GGMLCodec(type: type)
  let work = RowWork(pool: ComputePool(threadCount: 2))
  func error(_ encoded: EncodedWeight) throws -> Double {
    factor.outputError(of: try codec.decode(encoded, work: work), from: problem.weight)
  }
  let weighted = try codec.encode(
    problem.weight, importance: LinearAlgebra.diagonal(of: problem.moment), work: work)
  let solved = try BlockGPTQ(type: type, factor: factor).encode(problem.weight, work: work)
  #expect(try error(solved) < 0.9 * error(weighted))
}

private func integers(_ name: String) throws -> IntegerFormat {
  guard case .integer(let format)? = NumberFormat(name: name) else {
    throw CompressionError.unsuitable("\(name) is no integer format")
  }
  return format
}

/// GPTQ as its paper writes it down, one row and one column at a time, in double.
private func plainGPTQ(
  _ weight: Matrix, inverseFactor u: Matrix, group: Int, levels: ([Double]) -> [Double]
) -> [[Double]] {
  (0..<weight.rows).map { row in
    var w = (0..<weight.columns).map { Double(weight.row(row)[$0]) }
    var current: [Double] = []
    for j in w.indices {
      if j % group == 0 { current = levels(Array(w[j..<min(j + group, w.count)])) }
      let value = current.min { abs($0 - w[j]) < abs($1 - w[j]) } ?? 0
      let error = (w[j] - value) / Double(u.row(j)[j])
      for k in j + 1..<max(w.count, j + 1) { w[k] -= error * Double(u.row(j)[k]) }
      w[j] = value
    }
    return w
  }
}

@Test func gridFeedbackFollowsThePapersAlgorithm() throws {
  let problem = try Problem(rows: 19, columns: 160, seed: 23)
  let factor = try InputFactor(secondMoment: problem.moment)
  let codec = try integers("int4:g32:minmax")
  let work = RowWork(pool: ComputePool(threadCount: 2))
  let encoded = try GridGPTQ(codec: codec, factor: factor).encode(problem.weight, work: work)
  let found = try codec.decode(encoded, work: work)
  let expected = plainGPTQ(problem.weight, inverseFactor: factor.inverseFactor, group: 32) {
    group in
    let values = group.map { Float($0) }
    let parameters = values.withUnsafeBufferPointer {
      codec.fit($0, importance: nil, shared: [], row: 0)
    }
    var levels = [Float](repeating: 0, count: codec.levelCount)
    codec.levels(parameters, shared: [], into: &levels)
    return levels.map { Double($0) }
  }
  // Where a value lies between two levels, float and double may part; few do.
  var different = 0
  for row in 0..<19 {
    for column in 0..<160 where abs(Double(found.row(row)[column]) - expected[row][column]) > 1e-5 {
      different += 1
    }
  }
  #expect(different < 19 * 160 / 50)
  let mine = factor.outputError(of: found, from: problem.weight)
  let theirs = Matrix(
    rows: 19, columns: 160, values: expected.flatMap { $0.map { Float($0) } })
  let paper = factor.outputError(of: theirs, from: problem.weight)
  #expect(abs(mine - paper) < 0.02 * paper)
}

@Test func activationOrderKeepsGroupsInPlaceAndLessensOutputError() throws {
  let problem = try Problem(rows: 40, columns: 256, seed: 24)
  let factor = try InputFactor(secondMoment: problem.moment)
  let codec = try integers("int3:g64:asym")
  let work = RowWork(pool: ComputePool(threadCount: 2))
  let plain = try codec.encode(problem.weight, importance: nil, work: work)
  let ordered = try ActivationOrderGPTQ(codec: codec, secondMoment: problem.moment)
    .encode(problem.weight, work: work)
  func error(_ encoded: EncodedWeight) throws -> Double {
    factor.outputError(of: try codec.decode(encoded, work: work), from: problem.weight)
  }
  #expect(try error(ordered) < 0.5 * error(plain))
}
