import Testing
import ViseEstimates
import ViseTensor

@testable import ViseEvaluation

/// Quantiles of Student's t from printed tables.
@Test(arguments: [
  (0.95, 1, 6.314), (0.95, 2, 2.920), (0.95, 7, 1.895), (0.975, 10, 2.228), (0.95, 60, 1.671),
])
func studentQuantilesMatchTheTables(probability: Double, degrees: Int, expected: Double) {
  #expect(
    abs(studentQuantile(probability, degreesOfFreedom: degrees) - expected) < 5e-4 * expected)
}

@Test func intervalsOfNormalMeansCoverAsOftenAsTheyClaim() {
  var random = RandomSource(seed: 11)
  func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + random.nextUnit() } }
  let trials = 4000
  var covered = 0
  for _ in 0..<trials {
    let sums = (0..<8).map { _ in 3 + normal() }
    let interval = MeanInterval(sums: sums, weights: sums.map { _ in 1 }).interval
    if let interval, interval.lower <= 3, 3 <= interval.upper { covered += 1 }
  }
  // Four standard errors of a share of 0.9 in 4000 trials.
  #expect(abs(Double(covered) / Double(trials) - 0.9) < 0.019, "seed 11")
}

@Test func oneUnitHasNoInterval() {
  let mean = MeanInterval(sums: [6], weights: [2])
  #expect(mean.mean == 3 && mean.interval == nil)
}

@Test func unequalUnitsCountByTheirLength() {
  #expect(MeanInterval(sums: [10, 1], weights: [10, 1]).mean == 1)
  #expect(MeanInterval(sums: [20, 1], weights: [10, 1]).mean == 21.0 / 11)
}

@Test func spearmanSeesOrderOnlyAndSharesTies() {
  #expect(abs(spearmanCorrelation([1, 2, 3, 4], [1, 10, 100, 1000]) - 1) < 1e-12)
  #expect(abs(spearmanCorrelation([1, 2, 3, 4], [4, 3, 2, 1]) + 1) < 1e-12)
  #expect(abs(spearmanCorrelation([1, 2, 2, 3], [1, 2, 3, 4]) - 0.9486833) < 1e-6)
}

@Test func percentilesAreValuesThatOccur() {
  let values = (1...100).map(Float.init)
  #expect(MeasuredQuality.percentile(values, 0.99) == 99)
  #expect(MeasuredQuality.percentile([5], 0.99) == 5)
}
