import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseTensor

@testable import ViseEvaluation

/// Standard normal values (Box and Muller).
private func normal(_ count: Int, seed: UInt64) -> [Float] {
  var random = RandomSource(seed: seed)
  return (0..<count).map { _ in
    let radius = (-2 * log(1 - random.nextUnit())).squareRoot()
    return Float(radius * cos(2 * .pi * random.nextUnit()))
  }
}

private func with<Result>(
  _ values: [Float], _ body: (UnsafeBufferPointer<Float>) -> Result
) -> Result {
  values.withUnsafeBufferPointer(body)
}

@Test(arguments: [1.5, 3.0, 6.0], 1..<4 as Range<UInt64>)
func hillsEstimateRecoversTheExponentOfAParetoSample(alpha: Double, seed: UInt64) throws {
  var random = RandomSource(seed: seed)
  let values = (0..<200_000).map { index in
    Float(pow(1 - random.nextUnit(), -1 / alpha)) * (index % 2 == 0 ? 1 : -1)
  }
  let found = try #require(with(values, TailExponent.ofMagnitudes))
  // The estimate's standard error is α/√k with k = 2,000; five of them are allowed.
  #expect(abs(found - alpha) < 5 * alpha / 2000.0.squareRoot())
}

@Test func hillsEstimateIsTheInverseMeanOfLogarithms() throws {
  let found = try #require(TailExponent.hill([8.0, 4, 2, 1]))
  #expect(abs(found - 3 / log(64)) < 1e-12)
  #expect(TailExponent.hill([3.0, 3, 3]) == nil)
  #expect(TailExponent.hill([3.0, 1, 0]) == nil)
  #expect(with([Float](repeating: 1, count: 500), TailExponent.ofMagnitudes) == nil)
}

@Test func theLargestMagnitudesAreThoseOfASort() {
  var values = normal(5_000, seed: 3)
  values[17] = -40
  let sorted = values.map { abs($0) }.sorted(by: >)
  for count in [1, 51, 700, 5_000] {
    #expect(
      with(values) { TailExponent.largestMagnitudes($0, count: count) }
        == Array(sorted.prefix(count)))
  }
}

@Test func kurtosisIsThreeForNormalAndNineFifthsForUniformValues() throws {
  let bell = try #require(with(normal(400_000, seed: 5), Kurtosis.of))
  // Its standard error is √(24/n).
  #expect(abs(bell - 3) < 5 * (24.0 / 400_000).squareRoot())
  let count = 1_001
  let even = try #require(with((0..<count).map { Float($0) }, Kurtosis.of))
  let squared = Double(count * count)
  #expect(abs(even - 3 * (3 * squared - 7) / (5 * (squared - 1))) < 1e-6)
  #expect(with([2, 2, 2], Kurtosis.of) == nil)
}

@Test func thePQIndexTellsOneAmongManyFromEqualMagnitudes() {
  var oneHot = [Float](repeating: 0, count: 4_096)
  oneHot[7] = -3
  // I = 1 − d^(1/q − 1/p) with p = 0.5 and q = 1.5.
  let expected = 1 - pow(4_096.0, 1 / 1.5 - 2)
  #expect(abs(with(oneHot) { PQIndex().index($0) } - expected) < 1e-9)
  let equal = (0..<4_096).map { $0 % 3 == 0 ? Float(-0.5) : 0.5 }
  #expect(abs(with(equal) { PQIndex().index($0) }) < 1e-9)
}

@Test(arguments: [3, 5, 7])
func valuesOnAFixedPointGridNeedItsBits(bits: Int) throws {
  // All integers that `bits` bits hold symmetrically, often enough to fill their bins.
  let largest = 1 << (bits - 1)
  let values = (0..<40_000).map { Float($0 % (2 * largest - 1) - largest + 1) / 64 }
  let found = try #require(with(values, LosslessBits.of))
  #expect(found == bits)
  let finer = with(values) { values in LosslessBits.of(values) }
  #expect(finer == with(values.map { $0 * 1024 }, LosslessBits.of))
}

@Test func constantValuesHaveNoLosslessBits() {
  #expect(with([1, 1, 1], LosslessBits.of) == nil)
  #expect(with([], LosslessBits.of) == nil)
}

@Test func aFixedPointStepHoldsTheLargestMagnitude() {
  for largest in [0.03, 0.5, 0.99, 1, 1.5, 100] as [Float] {
    for bits in 2...16 {
      let reach = LosslessBits.step(bits: bits, largest: largest) * Float(1 << (bits - 1))
      #expect(reach > largest && reach <= 2 * largest, "\(largest) in \(bits) bits")
    }
  }
}

@Test func divergenceOfHistogramsIsTheirSmoothedSum() {
  let (p, q) = ([3, 0, 5], [1, 6, 1])
  let a = [3.5 / 9.5, 0.5 / 9.5, 5.5 / 9.5]
  let b = [1.5 / 9.5, 6.5 / 9.5, 1.5 / 9.5]
  let expected = (0..<3).reduce(0.0) { $0 + a[$1] * log(a[$1] / b[$1]) }
  #expect(abs(LosslessBits.divergence(p, q) - expected) < 1e-12)
  #expect(LosslessBits.divergence(p, p) == 0)
}

@Test func equalSingularValuesHaveTheFullEffectiveRank() throws {
  let flat = SpectrumMetrics(
    WeightSpectrum(
      values: [Float](repeating: 2, count: 40), rows: 40, columns: 40, isSampled: false))
  #expect(abs(try #require(flat.effectiveRank) - 40) < 1e-9)
  #expect(abs(flat.topEnergy - 0.1) < 1e-9)
  #expect(flat.tailExponent == nil)
  let single = SpectrumMetrics(
    WeightSpectrum(
      values: [3] + [Float](repeating: 0, count: 39), rows: 40, columns: 40, isSampled: true))
  #expect(abs(try #require(single.effectiveRank) - 1) < 1e-9)
  #expect(single.topEnergy == 1)
  #expect(single.isSampled)
}

@Test func outputEnergyIsTheTripleSum() throws {
  try BLAS.load()
  let (rows, columns) = (300, 24)
  let weight = Matrix(rows: rows, columns: columns, values: normal(rows * columns, seed: 7))
  let other = Matrix(rows: rows, columns: columns, values: normal(rows * columns, seed: 8))
  let inputs = Matrix(rows: 50, columns: columns, values: normal(50 * columns, seed: 9))
  let moment = LinearAlgebra.product(inputs.transposed(), inputs)
  func energy(_ values: [Float]) -> Double {
    let h = moment.values
    var sum = 0.0
    for row in 0..<rows {
      for i in 0..<columns {
        for j in 0..<columns {
          sum +=
            Double(values[row * columns + i]) * Double(h[i * columns + j])
            * Double(values[row * columns + j])
        }
      }
    }
    return sum
  }
  let pool = ComputePool(threadCount: 2)
  let whole = try OutputEnergy.of(
    weight, secondMoment: moment, on: pool, cancellation: CancellationFlag())
  let expected = energy(weight.values)
  #expect(abs(whole - expected) < 1e-4 * expected)
  let error = try OutputEnergy.of(
    weight, minus: other, secondMoment: moment, on: pool, cancellation: CancellationFlag())
  let difference = energy(zip(weight.values, other.values).map { $0 - $1 })
  #expect(abs(error - difference) < 1e-4 * difference)
  let none = try OutputEnergy.of(
    weight, minus: weight, secondMoment: moment, on: pool, cancellation: CancellationFlag())
  #expect(none == 0)
}

@Test func aCancelledOutputEnergyThrows() {
  let flag = CancellationFlag()
  flag.cancel()
  let square = Matrix(rows: 4, columns: 4, values: normal(16, seed: 1))
  #expect(throws: CancelledError.self) {
    try OutputEnergy.of(
      square, secondMoment: square, on: ComputePool(threadCount: 1), cancellation: flag)
  }
}

@Test(arguments: 0..<5 as Range<UInt64>)
func termsBetweenLayersAddUpToTheVarianceOfAll(seed: UInt64) {
  var random = RandomSource(seed: seed)
  let (sites, rows, draws) = (5, 3, 8)
  let shifts = (0..<sites).map { _ in
    (0..<rows * draws).map { _ in Float(random.nextUnit() * 2 - 1) }
  }
  let terms = LayerInteraction.terms(shifts, draws: draws)
  var expected = 0.0
  for row in 0..<rows {
    let sums = (row * draws..<(row + 1) * draws).map { index in
      shifts.reduce(0.0) { $0 + Double($1[index]) }
    }
    let mean = sums.reduce(0, +) / Double(draws)
    expected += sums.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(2 * (draws - 1) * rows)
  }
  #expect(abs(terms.reduce(0) { $0 + $1.own + $1.others } - expected) < 1e-9, "seed \(seed)")
}

@Test func aLayerThatUndoesAnotherHasANegativeTerm() {
  let shift: [Float] = [1, -2, 0.5, 3]
  let terms = LayerInteraction.terms([shift, shift.map { -$0 }], draws: 4)
  #expect(terms[0].own > 0 && terms[0].own == terms[1].own)
  #expect(abs(terms[0].others + terms[0].own) < 1e-12)
  let twice = LayerInteraction.terms([shift, shift], draws: 4)
  #expect(abs(twice[0].others - twice[0].own) < 1e-12)
}
