import CViseKernels
import Testing

/// Seeded pseudo-random numbers (SplitMix64), enough for test inputs.
struct TestNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func uniform() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return Float((z ^ z >> 31) >> 40) * 0x1p-24
  }

  /// `count` numbers between −`limit` and `limit`.
  mutating func floats(_ count: Int, limit: Float) -> [Float] {
    (0..<count).map { _ in (2 * uniform() - 1) * limit }
  }
}

/// Whether each value is within `ulps` of its reference, relative to `scale` where that is larger.
private func close(
  _ values: [Float], _ references: [Float], ulps: Float, scale: Float = .leastNormalMagnitude
) -> Bool {
  zip(values, references).allSatisfy { value, reference in
    abs(value - reference) <= ulps * max(abs(reference), scale) * .ulpOfOne
  }
}

private let lengths = [1, 15, 16, 17, 64, 100, 577]

@Test func exponentialIsWithinTwoUlp() {
  let inputs = stride(from: Float(-103), through: 88.7, by: 0.0137).map { $0 }
  var values = [Float](repeating: 0, count: inputs.count)
  vise_exp(inputs, Int64(inputs.count), &values)
  var reference = [Float](repeating: 0, count: inputs.count)
  let zero = [0.0]
  reference = inputs
  vise_exp_normalize_rows_reference(&reference, 1, Int64(inputs.count), 0, zero)
  for (value, expected) in zip(values, reference) {
    #expect(abs(value - expected) <= 2 * expected.ulp)
  }
}

@Test func exponentialOfExtremesIsExact() {
  let inputs: [Float] = [-.infinity, .infinity, .nan, 0, -0.0, 200, -200]
  var values = [Float](repeating: 0, count: inputs.count)
  vise_exp(inputs, Int64(inputs.count), &values)
  #expect(values[0] == 0 && values[1] == .infinity && values[2].isNaN)
  #expect(values[3] == 1 && values[4] == 1 && values[5] == .infinity && values[6] == 0)
}

@Test(arguments: lengths, 0..<4 as Range<UInt64>)
func activationsAgreeWithTheirDefinitions(length: Int, seed: UInt64) {
  var numbers = TestNumbers(seed: seed)
  let x = numbers.floats(length, limit: 12), up = numbers.floats(length, limit: 3)
  let count = Int64(length)
  var y = x, expected = x
  vise_silu_multiply(x, up, count, &y)
  vise_silu_multiply_reference(x, up, count, &expected)
  #expect(close(y, expected, ulps: 8))
  vise_gelu_multiply(x, up, count, &y)
  vise_gelu_multiply_reference(x, up, count, &expected)
  // 1 + tanh cancels in the definition for large −x, and e^−2u magnifies the rounding of u.
  #expect(close(y, expected, ulps: 64, scale: 1e-3))
  vise_gelu(x, count, &y)
  vise_gelu_reference(x, count, &expected)
  #expect(close(y, expected, ulps: 64, scale: 1e-3))
  y = x
  expected = x
  vise_soft_cap(&y, count, 5)
  vise_soft_cap_reference(&expected, count, 5)
  #expect(close(y, expected, ulps: 8))
  vise_add(x, count, &y)
  vise_scale(&y, count, 0.5)
  #expect(close(y, zip(x, expected).map { ($0 + $1) * 0.5 }, ulps: 8, scale: 10))
}

@Test(arguments: lengths, 0..<4 as Range<UInt64>)
func normsAgreeWithTheirDefinitions(length: Int, seed: UInt64) {
  var numbers = TestNumbers(seed: seed)
  let x = numbers.floats(3 * length, limit: 4), count = Int64(length)
  let weight = numbers.floats(length, limit: 2), bias = numbers.floats(length, limit: 1)
  var y = x, expected = x
  vise_rms_norm_rows(y, 3, count, weight, 1e-5, &y)
  vise_rms_norm_rows_reference(x, 3, count, weight, 1e-5, &expected)
  #expect(close(y, expected, ulps: 4))
  y = x
  vise_layer_norm_rows(y, 3, count, weight, bias, 1e-5, &y)
  vise_layer_norm_rows_reference(x, 3, count, weight, bias, 1e-5, &expected)
  #expect(close(y, expected, ulps: 64, scale: 4))
}

@Test(arguments: [0, 1] as [Int32], [8, 6, 32])
func rotationAgreesWithItsDefinitionAndKeepsTheRest(interleaved: Int32, rotary: Int) {
  var numbers = TestNumbers(seed: 5)
  let rows = 5, heads = 3, headLength = 32, stride = 100
  let x = numbers.floats(rows * stride, limit: 2)
  let table = numbers.floats((7 + rows) * rotary, limit: 1)
  var y = x, expected = x
  vise_rope_rows(
    &y, Int64(rows), Int64(stride), Int64(heads), Int64(headLength), Int64(rotary), 7, table,
    interleaved)
  vise_rope_rows_reference(
    &expected, Int64(rows), Int64(stride), Int64(heads), Int64(headLength), Int64(rotary), 7,
    table, interleaved)
  #expect(close(y, expected, ulps: 2, scale: 2))
  for row in 0..<rows {
    #expect(y[row * stride + 96..<(row + 1) * stride] == x[row * stride + 96..<(row + 1) * stride])
    #expect(y[row * stride + rotary] == x[row * stride + rotary] || rotary == headLength)
  }
}

@Test(arguments: [0, 3, 20], [0, 5, 40])
func causalSoftmaxAgreesWithItsDefinition(window: Int, firstPosition: Int) {
  var numbers = TestNumbers(seed: 11)
  let rows = 9, columns = 49, stride = 53
  let x = numbers.floats(rows * stride, limit: 30)
  var y = x, expected = x
  vise_causal_softmax_rows(
    &y, Int64(rows), Int64(columns), Int64(stride), Int64(firstPosition), Int64(window), 0.7)
  vise_causal_softmax_rows_reference(
    &expected, Int64(rows), Int64(columns), Int64(stride), Int64(firstPosition), Int64(window), 0.7)
  // scale · x − maximum is rounded: up to 2 ulp of 42 in the exponent.
  #expect(close(y, expected, ulps: 128))
  #expect(y[49..<53] == x[49..<53])
}

@Test(arguments: [1, 15, 33, 1000, 1024, 5000], 0..<4 as Range<UInt64>)
func logSumExpAgreesWithItsDefinition(count: Int, seed: UInt64) {
  var numbers = TestNumbers(seed: seed)
  var x = numbers.floats(2 * (count + 3), limit: 25)
  var sums = [0.0, 0.0], expected = [0.0, 0.0]
  var best: [Int32] = [-1, -1], expectedBest: [Int32] = [-1, -1]
  vise_log_sum_exp_rows(x, 2, Int64(count), Int64(count + 3), &sums, &best)
  vise_log_sum_exp_rows_reference(x, 2, Int64(count), Int64(count + 3), &expected, &expectedBest)
  #expect(abs(sums[0] - expected[0]) < 1e-6 && abs(sums[1] - expected[1]) < 1e-6)
  #expect(best == expectedBest)
  var reference = x
  vise_exp_normalize_rows(&x, 2, Int64(count), Int64(count + 3), sums)
  vise_exp_normalize_rows_reference(&reference, 2, Int64(count), Int64(count + 3), expected)
  #expect(close(x, reference, ulps: 64))
}

@Test func argmaxIsTheFirstMaximum() {
  var x = [Float](repeating: 1, count: 3000)
  x[1500] = 2
  x[2500] = 2
  var sum = [0.0]
  var best: [Int32] = [-1]
  vise_log_sum_exp_rows(x, 1, 3000, 3000, &sum, &best)
  #expect(best == [1500])
}

@Test(arguments: lengths)
func sumsAgreeWithTheirDefinitions(length: Int) {
  var numbers = TestNumbers(seed: 3)
  let a = numbers.floats(length, limit: 1), b = numbers.floats(length, limit: 1)
  let count = Int64(length)
  #expect(abs(vise_dot(a, b, count) - vise_dot_reference(a, b, count)) < 1e-12)
  let distance = vise_squared_distance(a, b, count)
  #expect(abs(distance - vise_squared_distance_reference(a, b, count)) < 1e-11)
}
