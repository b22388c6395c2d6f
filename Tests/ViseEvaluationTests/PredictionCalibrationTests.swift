import Foundation
import Testing
import ViseEstimates
import ViseTensor

@testable import ViseEvaluation

private let provenance = Provenance.predicted(tokens: 256)

/// Standard normal by Box and Muller.
private func normal(_ random: inout RandomSource) -> Double {
  (-2 * log(1 - random.nextUnit())).squareRoot() * cos(2 * .pi * random.nextUnit())
}

/// Trials whose measurements are exp(level)·p^slope times log-normal noise.
private func trials(
  _ count: Int, level: Double = 0, slope: Double = 1, noise: Double,
  _ random: inout RandomSource
) -> [PredictionTrial] {
  (0..<count).map { _ in
    let predicted = exp(-4 + 4 * random.nextUnit())
    return PredictionTrial(
      predicted: predicted,
      measured: exp(level + slope * log(predicted) + noise * normal(&random)))
  }
}

private func estimate(_ trials: [PredictionTrial], _ raw: Double) -> Estimate {
  PredictionCalibration(trials).estimate(raw, samplingDeviation: 0.05, provenance: provenance)
}

@Test func perfectPredictionsAreLeftAlone() {
  for count in [0, 1, 5, 12, 40] {
    let trials = (0..<count).map {
      PredictionTrial(predicted: 0.01 * Double($0 + 1), measured: 0.01 * Double($0 + 1))
    }
    #expect(abs(estimate(trials, 0.07).value - 0.07) < 1e-12, "\(count) trials")
  }
}

@Test func manyTrialsTeachALineAndOneMovesItLittle() {
  var random = RandomSource(seed: 3)
  let many = trials(60, level: 0.2, slope: 0.9, noise: 0.02, &random)
  for raw in [0.03, 0.1, 0.5] {
    let expected = exp(0.2 + 0.9 * log(raw))
    #expect(abs(log(estimate(many, raw).value / expected)) < 0.03)
  }
  let one = [PredictionTrial(predicted: 0.1, measured: 0.2)]
  let shift = log(estimate(one, 0.1).value / 0.1)
  #expect(shift > 0 && shift < log(2))
}

@Test func oneWildTrialDoesNotBendTheLine() {
  var random = RandomSource(seed: 4)
  var some = trials(15, noise: 0.03, &random)
  some[7] = PredictionTrial(predicted: some[7].predicted, measured: some[7].measured * 20)
  #expect(abs(log(estimate(some, 0.1).value / 0.1)) < 0.05)
}

/// Two-sided 99.9 % binomial bounds about the coverage that the quantile's rank promises.
@Test(arguments: [10, 20, 40]) func intervalsCoverWhatTheyPromise(count: Int) {
  let seed: UInt64 = 11
  var random = RandomSource(seed: seed)
  let repeats = 800
  var inside = 0
  for _ in 0..<repeats {
    let all = trials(count + 1, level: 0.15, slope: 0.93, noise: 0.1, &random)
    let last = all[count]
    // A prediction within the range: outside it another interval stands in.
    let covered = all.dropLast().map(\.predicted)
    let raw = min(max(last.predicted, covered.min() ?? 0), covered.max() ?? 0)
    let measured = last.measured * pow(raw / last.predicted, 0.93)
    let made = estimate(Array(all.dropLast()), raw)
    guard made.trust == .trials(count), let interval = made.interval else { continue }
    if interval.lower <= measured && measured <= interval.upper { inside += 1 }
  }
  let promised = (0.9 * Double(count + 1)).rounded(.up) / Double(count + 1)
  let slack = 3.3 * (promised * (1 - promised) / Double(repeats)).squareRoot()
  let coverage = Double(inside) / Double(repeats)
  // Jackknife+ residuals come from one trial fewer, so they err to the wide side.
  #expect(coverage > promised - slack - 0.01, "seed \(seed): \(coverage)")
  #expect(coverage < promised + slack + 0.03, "seed \(seed): \(coverage)")
}

@Test func fewerTrialsNeverNarrowTheInterval() throws {
  let seed: UInt64 = 21
  var random = RandomSource(seed: seed)
  let counts = [0, 4, 8, 9, 20, 60]
  var widths = [Double](repeating: 0, count: counts.count)
  for _ in 0..<40 {
    let all = trials(60, noise: 0.1, &random)
    for (position, count) in counts.enumerated() {
      let interval = try #require(estimate(Array(all.prefix(count)), 0.1).interval)
      widths[position] += log(interval.upper / interval.lower)
    }
  }
  for (fewer, more) in zip(widths, widths.dropFirst()) {
    #expect(fewer > more * 0.999, "seed \(seed): \(widths)")
  }
}

@Test func fewTrialsThatMissedWidenTheInterval() throws {
  let missed = [
    PredictionTrial(predicted: 0.1, measured: 0.3), PredictionTrial(predicted: 0.2, measured: 0.07),
  ]
  let known = try #require(estimate([], 0.15).interval)
  let learned = estimate(missed, 0.15)
  let wide = try #require(learned.interval)
  #expect(wide.upper / wide.lower > known.upper / known.lower)
  #expect(learned.trust == .method(trials: 2))
}

@Test func theProbesSamplingErrorWidensTheIntervalOfTheMethod() throws {
  let calibration = PredictionCalibration()
  func width(_ deviation: Double) throws -> Double {
    let estimate = calibration.estimate(
      0.1, samplingDeviation: deviation, provenance: provenance)
    return try #require(estimate.interval).halfWidth
  }
  #expect(try width(0.3) > width(0.05))
}

@Test func beyondTheLimitNoIntervalIsClaimed() {
  let bold = estimate([], 5)
  #expect(bold.trust == .outside(limit: PredictionCalibration.knownLimit))
  #expect(bold.interval == nil)
  let reached = (1...12).map {
    PredictionTrial(predicted: 0.5 * Double($0), measured: 0.5 * Double($0))
  }
  #expect(estimate(reached, 5).trust == .trials(12), "trials reach 6 nats")
  let small = (1...12).map {
    PredictionTrial(predicted: 0.01 * Double($0), measured: 0.01 * Double($0))
  }
  #expect(estimate(small, 1).trust == .method(trials: 12), "far from what the trials covered")
  #expect(estimate(small, 3).trust == .outside(limit: PredictionCalibration.knownLimit))
}

@Test func predictionsOfNothingStayAsTheyAre() {
  let none = estimate([PredictionTrial(predicted: 0, measured: 0)], 0)
  #expect(none.value == 0 && none.interval == nil && none.trust == nil)
}
