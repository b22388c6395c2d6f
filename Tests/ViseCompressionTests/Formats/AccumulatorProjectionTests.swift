import Testing
import ViseCompression
import ViseTensor

/// Codes of a format by span, and each span's scale.
private func spans(
  _ name: String, _ weight: Matrix, bits: Int, length: Int
) throws -> [(codes: [Int], scale: Float, values: [Float])] {
  let plain = PlainParts(try stored(name, weight).encoded)
  let codes = try plain.codes(bits: bits)
  let scales = try plain.halves("scales")
  let perRow = weight.columns / length
  return (0..<weight.rows * perRow).map { index in
    let (row, first) = (index / perRow, index % perRow * length)
    return (
      codes[row][first..<first + length].map { $0 - 1 << (bits - 1) }, scales[index],
      (first..<first + length).map { weight.row(row)[$0] }
    )
  }
}

@Test(arguments: [13, 14, 15])
func noInputsOverflowTheAccumulatorThatWasAskedFor(bits: Int) throws {
  let weight = testWeight(rows: 12, columns: 256, seed: 51)
  let reach = 1 << (bits - 1)
  for span in try spans("int4:g64:acc\(bits)", weight, bits: 4, length: 64) {
    // The inputs that add up to most: −128 where codes are negative, and the other way round.
    let most = span.codes.reduce(0) { $0 + max($1 * 127, $1 * -128) }
    let least = span.codes.reduce(0) { $0 + min($1 * 127, $1 * -128) }
    #expect(most < reach && least >= -reach)
  }
  let format = try #require(NumberFormat(name: "int4:g64:acc\(bits)"))
  let encoded = try stored(format.name, weight).encoded
  let site = CompressedSite(
    [encoded], form: .whole, format: format, shape: WeightShape(rows: 12, columns: 256))
  #expect(try #require(site.accumulatorBits(activationBits: 8)) <= bits)
}

@Test func aBoundThatBindsNowhereChangesNothing() throws {
  let weight = testWeight(rows: 6, columns: 256, seed: 52)
  #expect(
    try stored("int4:g64:acc24", weight).values == stored("int4:g64", weight).values)
}

/// All codes of three bits within the bound, tried one by one.
@Test func projectedCodesHaveTheLeastErrorWithinTheBound() throws {
  let weight = testWeight(rows: 20, columns: 8, seed: 53)
  // 2^11 − 1 over 2^7 leaves ‖q‖₁ ≤ 15; only small groups are tried in full.
  let bound = AccumulatorWidth.largestCodeNorm(bits: 12, activationBits: 8)
  #expect(bound == 15)
  var bound4 = 0
  for span in try spans("int3:g8:minmax:acc12", weight, bits: 3, length: 8) {
    func error(_ codes: [Int]) -> Double {
      zip(codes, span.values).reduce(0) {
        $0 + (Double($1.0) * Double(span.scale) - Double($1.1))
          * (Double($1.0) * Double(span.scale) - Double($1.1))
      }
    }
    var least = Double.infinity
    // Dynamic programming over the norm used so far.
    var best = [0: 0.0]
    for value in span.values {
      var next: [Int: Double] = [:]
      for (norm, cost) in best {
        for code in -4...3 where norm + abs(code) <= bound {
          let step = Double(code) * Double(span.scale) - Double(value)
          let total = cost + step * step
          next[norm + abs(code)] = min(next[norm + abs(code)] ?? .infinity, total)
        }
      }
      best = next
    }
    least = best.values.min() ?? least
    #expect(error(span.codes) <= least * (1 + 1e-9) + 1e-12)
    if span.codes.reduce(0, { $0 + abs($1) }) == bound { bound4 += 1 }
  }
  #expect(bound4 > 0, "the bound was never reached")
}

@Test func accumulatorsGoWithSymmetricSpansOnly() {
  for name in ["int4:g64:asym:acc16", "int4:tensor:acc16", "int4:g64:acc11", "int4:acc33"] {
    #expect(NumberFormat(name: name) == nil)
  }
  let format = NumberFormat(name: "int4:g64:acc16")
  #expect(format?.supports(.gptq) == false && format?.supports(.weighted) == true)
}
