import Testing
import ViseCompression
import ViseTensor

/// A base, and a fine-tuned weight a little away from it.
private func pair(rows: Int, columns: Int, seed: UInt64) -> (weight: Matrix, base: Matrix) {
  let base = testWeight(rows: rows, columns: columns, seed: seed)
  var random = TestWeights(seed: seed + 1)
  let deltas = random.normal(rows * columns, deviation: 0.01)
  return (
    Matrix(rows: rows, columns: columns, values: zip(base.values, deltas).map { $0 + $1 }), base
  )
}

@Test(arguments: [0, 0.5, 0.9, 0.99])
func sparedDeltasAreRescaledAndTheOthersAreTheBases(ratio: Double) {
  let (weight, base) = pair(rows: 64, columns: 96, seed: 151)
  let pruned = DeltaPruning(ratio: ratio, seed: 7).prune(weight, base: base)
  #expect(pruned.factor == 1 / (1 - ratio))
  var kept = 0
  for ((was, from), now) in zip(zip(weight.values, base.values), pruned.values.values) {
    guard now != from else { continue }
    kept += 1
    #expect(abs((now - from) - (was - from) * Float(pruned.factor)) < 1e-5)
  }
  #expect(kept == pruned.keptCount)
  let expected = (1 - ratio) * 64 * 96
  #expect(abs(Double(kept) - expected) <= 4 * (expected * ratio).squareRoot() + 1e-9)
  let again = DeltaPruning(ratio: ratio, seed: 7).prune(weight, base: base)
  #expect(again.values.values == pruned.values.values)
}

/// Over many coins the mean is the fine-tuned weight.
@Test func rescaledDeltasAreUnbiased() {
  let (weight, base) = pair(rows: 2, columns: 40, seed: 152)
  let draws = 4000
  var sums = [Double](repeating: 0, count: 80)
  for seed in 0..<draws {
    let pruned = DeltaPruning(ratio: 0.8, seed: UInt64(1000 * seed)).prune(weight, base: base)
    for (place, value) in pruned.values.values.enumerated() { sums[place] += Double(value) }
  }
  for (place, sum) in sums.enumerated() {
    let delta = Double(weight.values[place] - base.values[place])
    // The deviation of a mean of draws is |Δ|·√(p / (1 − p) / draws).
    let slack = 5 * abs(delta) * (4.0 / Double(draws)).squareRoot() + 1e-6
    #expect(abs(sum / Double(draws) - Double(weight.values[place])) < slack)
  }
}

@Test func factorsByTheOutputsAreTheBestOfAll() throws {
  try BLAS.load()
  let (weight, base) = pair(rows: 24, columns: 64, seed: 153)
  let inputs = SolverInputs(tokens: 120, columns: 64, seed: 154)
  let pruning = DeltaPruning(ratio: 0.9, seed: 3)
  let plain = pruning.prune(weight, base: base)
  let fitted = pruning.prune(weight, base: base, secondMoment: inputs.secondMoment)
  #expect(fitted.keptCount == plain.keptCount)
  func error(_ factor: Double) -> Double {
    let values = zip(base.values, plain.values.values).map {
      $0 + ($1 - $0) * Float(factor / plain.factor)
    }
    return inputs.outputError(Matrix(rows: 24, columns: 64, values: values), weight)
  }
  let best = inputs.outputError(fitted.values, weight)
  #expect(abs(best - error(fitted.factor)) < 1e-3 * best)
  for step in 0...40 { #expect(best <= error(Double(step) / 2) * (1 + 1e-4)) }
  #expect(best < 0.8 * error(plain.factor))
}
