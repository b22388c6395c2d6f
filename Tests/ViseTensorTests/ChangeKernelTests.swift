import CViseKernels
import Testing
import ViseTensor

/// A weight with what an input was and became, with outliers and a run without any change.
private struct ChangeCase {
  let rows: Int, columns: Int, tokens: Int
  let weight: Matrix, before: Matrix, after: Matrix

  init(rows: Int, columns: Int, tokens: Int, outlier: Float = 1, seed: UInt64 = 3) {
    (self.rows, self.columns, self.tokens) = (rows, columns, tokens)
    var numbers = TestNumbers(seed: seed)
    weight = Matrix(
      rows: rows, columns: columns, values: numbers.floats(rows * columns, limit: 0.1))
    before = Matrix(
      rows: tokens, columns: columns, values: numbers.floats(tokens * columns, limit: 4))
    after = before.copy()
    for index in 0..<after.count where index % columns >= 64 || columns < 64 {
      after.pointer[index] += (2 * numbers.uniform() - 1) * (index % 97 == 0 ? outlier : 0.05)
    }
  }

  /// Products by the definition, tokens × rows, added to 1.
  var reference: [Float] {
    (0..<tokens * rows).map { index in
      let (token, row) = index.quotientAndRemainder(dividingBy: rows)
      return 1
        + vise_change_dot_reference(
          weight.row(row), after.row(token), before.row(token), Int64(columns))
    }
  }

  func product(variant: Int32) -> [Float] {
    let panelBytes = Int(vise_change_panel_bytes(Int64(columns)))
    let panels = ByteBuffer(count: (rows + 15) / 16 * panelBytes)
    for first in stride(from: 0, to: rows, by: 16) {
      vise_change_fill_variant(
        variant, weight.row(first), Int64(columns), Int64(min(16, rows - first)), Int64(columns),
        panels.slice(first / 16 * panelBytes, count: panelBytes).baseAddress)
    }
    let change = ByteBuffer(count: tokens * Int(vise_change_row_bytes(Int64(columns))))
    vise_change_round_variant(
      variant, after.pointer, before.pointer, Int64(tokens), Int64(columns),
      change.storage.baseAddress)
    var y = [Float](repeating: 1, count: tokens * rows)
    vise_change_multiply_variant(
      variant, panels.storage.baseAddress, Int64(rows), Int64(columns),
      change.storage.baseAddress, Int64(tokens), &y, Int64(rows))
    return y
  }
}

@Test(arguments: [(1, 1, 1), (16, 64, 6), (37, 200, 11), (33, 129, 5), (48, 576, 13)])
func everyVariantMultipliesChangesAsDefined(rows: Int, columns: Int, tokens: Int) {
  let example = ChangeCase(rows: rows, columns: columns, tokens: tokens)
  let reference = example.reference
  for variant in 0...vise_change_best_variant() {
    #expect(example.product(variant: variant) == reference, "variant \(variant)")
  }
}

@Test func roundedProductsAreOffByAPercentOfTheChange() throws {
  let seed: UInt64 = 8
  let example = ChangeCase(rows: 96, columns: 576, tokens: 9, outlier: 0.05, seed: seed)
  let rounded = try RoundedWeight(example.weight, work: RowWork(pool: nil))
  let change = RoundedChange(example.after, from: example.before)
  var y = [Float](repeating: 0, count: 9 * 96)
  rounded.addProduct(rows: 0..<32, with: change, to: &y, stride: 96)
  y.withUnsafeMutableBufferPointer { y in
    guard let start = y.baseAddress else { return }
    rounded.addProduct(rows: 32..<96, with: change, to: start + 32, stride: 96)
  }
  var (error, power) = (0.0, 0.0)
  for (index, value) in y.enumerated() {
    let (token, row) = index.quotientAndRemainder(dividingBy: 96)
    let exact = (0..<576).reduce(0.0) { sum, column in
      sum + Double(example.weight.row(row)[column])
        * Double(example.after.row(token)[column] - example.before.row(token)[column])
    }
    error += (Double(value) - exact) * (Double(value) - exact)
    power += exact * exact
  }
  #expect(error < 1e-4 * power && error > 0, "seed \(seed)")
}

@Test func whatIsNoNumberSpoilsAllProductsOfItsToken() {
  let example = ChangeCase(rows: 16, columns: 64, tokens: 3)
  example.after.row(1)[5] = .infinity
  example.after.row(2)[63] = .nan
  for variant in 0...vise_change_best_variant() {
    let y = example.product(variant: variant)
    #expect(y[..<16].allSatisfy(\.isFinite) && y[16...].allSatisfy(\.isNaN), "variant \(variant)")
  }
}

@Test(arguments: [1, 16, 33, 512], 0..<3 as Range<UInt64>)
func divergenceTermsAgreeWithTheirDefinition(count: Int, seed: UInt64) {
  var numbers = TestNumbers(seed: seed)
  let shares = (0..<count).map { _ in UInt16(numbers.uniform().bitPattern >> 16) }
  for limit: Float in [1e-4, 0.6, 12] {
    let change = numbers.floats(count, limit: limit)
    var expected = [0.0, 0.0, 0.0]
    vise_divergence_terms_reference(shares, change, Int64(count), &expected)
    let (total, mean, rest) = Kernels.divergenceTerms(shares, change: change, count: count)
    let scale = zip(shares, change).reduce(0.0) {
      $0 + Double(Float(bitPattern: UInt32($1.0) << 16)) * abs(Double($1.1))
    }
    #expect(abs(total - expected[0]) <= 1e-6 * expected[0])
    #expect(abs(mean - expected[1]) <= 1e-6 * scale)
    #expect(abs(rest - expected[2]) <= 2e-6 * expected[2], "seed \(seed), limit \(limit)")
  }
}
