import Testing
import ViseCompression
import ViseTensor

private let method = PerHeadProducts(heads: 4, keyValueHeads: 2, headLength: 4)

/// The score of query head `head` between two inputs, biases included, in double.
private func score(
  _ queries: LinearWeights, _ keys: LinearWeights, head: Int, length: Int, _ x: [Double],
  _ y: [Double]
) -> Double {
  func project(_ layer: LinearWeights, _ head: Int, _ input: [Double]) -> [Double] {
    (0..<length).map { index in
      let row = head * length + index
      let values = layer.weight.row(row)
      return input.indices.reduce(Double(layer.bias?[row] ?? 0)) {
        $0 + Double(values[$1]) * input[$1]
      }
    }
  }
  return zip(project(queries, head, x), project(keys, head / 2, y)).reduce(0) {
    $0 + $1.0 * $1.1
  }
}

private func unit(_ index: Int?) -> [Double] {
  (0..<12).map { $0 == index ? 1 : 0 }
}

@Test func headsAtTheirFullLengthKeepEveryScore() throws {
  try BLAS.load()
  let cases = LowRankCases()
  for hasBias in [false, true] {
    let queries = LinearWeights(weight: cases.queries, bias: hasBias ? cases.queryBias : nil)
    let keys = LinearWeights(weight: cases.keys, bias: hasBias ? cases.keyBias : nil)
    let factors = try method.queryKey(queries: queries, keys: keys, rank: 4)
    #expect(factors.parameterCount == queries.parameterCount + keys.parameterCount)
    #expect((factors.first.bias != nil) == hasBias && (factors.second.bias != nil) == hasBias)
    var random = RandomSource(seed: 1)
    for head in 0..<4 {
      let x = (0..<12).map { _ in 2 * random.nextUnit() - 1 }
      let y = (0..<12).map { _ in 2 * random.nextUnit() - 1 }
      let before = score(queries, keys, head: head, length: 4, x, y)
      let after = score(factors.first, factors.second, head: head, length: 4, x, y)
      #expect(abs(before - after) < 1e-4)
    }
  }
}

/// Σ over query heads and pairs of unit inputs of the squared change of the score's bilinear form;
/// the input 1 that carries the biases is the difference from the zero input.
@Test func shorterHeadsLoseWhatNumPyLoses() throws {
  try BLAS.load()
  let cases = LowRankCases()
  let queries = LinearWeights(weight: cases.queries, bias: cases.queryBias)
  let keys = LinearWeights(weight: cases.keys, bias: cases.keyBias)
  let factors = try method.queryKey(queries: queries, keys: keys, rank: 2)
  #expect(factors.headLength == 2 && factors.singularValues.map(\.count) == [4, 4])
  #expect(factors.first.weight.rows == 8 && factors.second.weight.rows == 4)
  func form(_ q: LinearWeights, _ k: LinearWeights, _ head: Int, _ length: Int) -> [Double] {
    let inputs = (0..<12).map { unit($0) } + [unit(nil)]
    let table = inputs.map { x in
      inputs.map { y in score(q, k, head: head, length: length, x, y) }
    }
    // Bilinear in (x, 1): the corner is the score of zeros, edges are what it adds.
    return (0..<13).flatMap { a in
      (0..<13).map { b in
        let left = a == 12 ? 0 : table[12][b]
        let right = b == 12 ? 0 : table[a][12]
        let corner = a == 12 || b == 12 ? 0 : table[12][12]
        return table[a][b] - left - right + corner
      }
    }
  }
  let error = (0..<4).reduce(0.0) { total, head in
    zip(form(queries, keys, head, 4), form(factors.first, factors.second, head, 2))
      .reduce(total) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }
  #expect(agree(error, LowRankGoldens.queryKeyError))
  let left = factors.singularValues.joined().enumerated().reduce(0.0) {
    $1.offset % 4 < 2 ? $0 : $0 + Double($1.element) * Double($1.element)
  }
  #expect(agree(left, LowRankGoldens.queryKeyError))
}

/// W_O·W_V of query head `head`, with the value's bias as one more column.
private func through(
  _ output: LinearWeights, _ values: LinearWeights, head: Int, length: Int
) -> Matrix {
  let own = output.weight.columns(head * length..<(head + 1) * length)
  let group = head / 2
  let rows = values.weight.rows(group * length..<(group + 1) * length)
  let bias = Matrix(
    rows: length, columns: 1,
    values: Array(values.bias?[group * length..<(group + 1) * length] ?? []))
  let plain = LinearAlgebra.product(own, rows).transposed()
  let constant = LinearAlgebra.product(own, bias).transposed()
  return Matrix(
    rows: 13, columns: plain.columns, values: plain.values + constant.values)
}

@Test(arguments: [2, 4])
func valuesAndOutputsLoseWhatNumPyLoses(rank: Int) throws {
  try BLAS.load()
  let cases = LowRankCases()
  let values = LinearWeights(weight: cases.keys, bias: cases.keyBias)
  let outputBias = (0..<12).map { Float($0) }
  let output = LinearWeights(weight: cases.output, bias: outputBias)
  let factors = try method.valueOutput(values: values, output: output, rank: rank)
  #expect(factors.first.weight.columns == 4 * rank && factors.second.weight.rows == 2 * rank)
  #expect(factors.first.bias == outputBias)
  let error = (0..<4).reduce(0.0) { total, head in
    total
      + squaredError(
        through(output, values, head: head, length: 4),
        through(factors.first, factors.second, head: head, length: rank))
  }
  if rank == 4 {
    #expect(error < 1e-8)
  } else {
    #expect(agree(error, LowRankGoldens.valueOutputError))
  }
}
