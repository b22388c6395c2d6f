import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

@Test(arguments: [1, 7, 8, 15, 16, 31, 147, 1000])
func looksSpendNoMoreThanTheErrorAndEndWithAllWindows(total: Int) throws {
  let schedule = LookSchedule(total: total)
  #expect(schedule.looks.last?.windows == total)
  let error = schedule.looks.reduce(0) { $0 + 1 - $1.level }
  #expect(abs(error - 0.05) < 1e-12)
  #expect(zip(schedule.looks, schedule.looks.dropFirst()).allSatisfy { $0.windows < $1.windows })
  #expect(schedule.looks.dropLast().allSatisfy { $0.windows >= 8 })
  #expect(LookSchedule(total: total, isEarly: false).looks.map(\.windows) == [total])
}

/// Sums of equal distribution for both contenders: a verdict is an error.
///
/// With 2,000 runs the count of errors has a standard deviation of at most 9.7 around at most 100.
@Test func looksTogetherErrNoMoreOftenThanTheySay() {
  var random = RandomSource(seed: 11)
  let schedule = LookSchedule(total: 128)
  var (errors, naive) = (0, 0)
  for _ in 0..<2000 {
    let differences = (0..<128).map { _ in random.nextUnit() + random.nextUnit() - 1 }
    func isTold(_ windows: Int, _ level: Double) -> Bool {
      let weights = [Double](repeating: 1, count: windows)
      let interval = MeanInterval(
        sums: Array(differences.prefix(windows)), weights: weights, level: level
      ).interval
      return Comparison.verdict(interval, nil) != .undecided
    }
    if schedule.looks.contains(where: { isTold($0.windows, $0.level) }) { errors += 1 }
    if schedule.looks.contains(where: { isTold($0.windows, 0.95) }) { naive += 1 }
  }
  #expect(errors <= 100 + 4 * 10, "\(errors) of 2000 with seed 11")
  // Looking as often without correction is what the schedule is for.
  #expect(naive > 160, "\(naive) of 2000 with seed 11")
}

@Test func verdictsFollowFromTheInterval() {
  func interval(_ lower: Double, _ upper: Double) -> Interval {
    Interval(lower: lower, upper: upper, level: 0.95)
  }
  #expect(Comparison.verdict(interval(0.1, 0.2), nil) == .firstIsBetter)
  #expect(Comparison.verdict(interval(-0.2, -0.1), nil) == .secondIsBetter)
  #expect(Comparison.verdict(interval(-0.1, 0.1), nil) == .undecided)
  #expect(Comparison.verdict(interval(-0.1, 0.1), 0.2) == .equivalent)
  #expect(Comparison.verdict(interval(0.01, 0.02), 0.1) == .equivalent)
  #expect(Comparison.verdict(interval(0.1, 0.3), 0.2) == .firstIsBetter)
  #expect(Comparison.verdict(nil, 1) == .undecided)
}

@Test func pairingTakesOutWhatBothShare() throws {
  let shared = [3.0, 9, 1, 7, 5, 2]
  let small = [0.1, 0.3, 0.2, 0.1, 0.2, 0.3]
  let weights = [Double](repeating: 2, count: 6)
  let difference = PairedDifference(
    first: shared, second: zip(shared, small).map { $0 + $1 }, weights: weights, level: 0.95)
  let alone = MeanInterval(sums: small, weights: weights, level: 0.95)
  #expect(abs(difference.paired.mean - 0.1) < 1e-12)
  let (paired, plain) = (try #require(difference.paired.interval), try #require(alone.interval))
  #expect(abs(paired.halfWidth - plain.halfWidth) < 1e-12)
  #expect(try #require(difference.narrowing) > 10)
}

private func plan(_ sample: SampleSession, _ name: String) throws -> Plan {
  let treatment = try #require(Treatment(name: name))
  return Plan(
    treatments: Dictionary(
      uniqueKeysWithValues: sample.session.model.sites.filter { $0.role == .ffnDown }.map {
        ($0.name, treatment)
      }))
}

private func compare(
  _ sample: SampleSession, _ first: Comparison.Contender, _ second: Comparison.Contender,
  reference: Bool = true, metric: Comparison.Metric = .divergence, margin: Double? = nil
) throws -> Comparison.Outcome {
  try Comparison(
    reference: reference ? PlanEvaluator(session: sample.session, text: sample.text) : nil,
    first: first, second: second, text: sample.text
  ).run(
    metric: metric, margin: margin, schedule: LookSchedule(total: sample.text.windowCount),
    cancellation: CancellationFlag()
  ) { _ in }
}

@Test func theSamePlanDiffersByExactlyNothing() throws {
  let sample = try SampleSession(windows: 32)
  let plan = try plan(sample, "q3_K")
  let outcome = try compare(sample, .plan(plan), .plan(plan))
  #expect(outcome.verdict == .identical && outcome.windows == 8)
  #expect(
    outcome.logLoss.paired
      == MeanInterval(
        mean: 0,
        interval: outcome.logLoss.paired.interval.map {
          Interval(lower: 0, upper: 0, level: $0.level)
        }))
  #expect(outcome.divergence?.paired.mean == 0)
  #expect(outcome.divergence?.paired.interval?.halfWidth == 0)
}

@Test func theFinerPlanWinsEarlyWhicheverComesFirst() throws {
  let sample = try SampleSession(windows: 64)
  let (fine, coarse) = (try plan(sample, "q6_K"), try plan(sample, "q2_K"))
  let forward = try compare(sample, .plan(fine), .plan(coarse))
  let backward = try compare(sample, .plan(coarse), .plan(fine))
  #expect(forward.verdict == .firstIsBetter && backward.verdict == .secondIsBetter)
  #expect(forward.windows == 8 && backward.windows == 8)
  #expect(forward.divergence?.paired.mean == backward.divergence.map { -$0.paired.mean })
  #expect(try #require(forward.logLoss.narrowing) > 2)
  let within = try compare(sample, .plan(fine), .plan(coarse), margin: 100)
  #expect(within.verdict == .equivalent)
}

@Test func anExportedFileIsItsPlanToTheLastBit() throws {
  let sample = try SampleSession(windows: 3)
  let plan = try plan(sample, "q4_0")
  let path = FileManager.default.temporaryDirectory
    .appending(path: "vise-compare-\(UUID().uuidString).gguf").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  _ = try ModelExporter(model: sample.session.model, pool: sample.session.pool)
    .export(plan, to: path, cancellation: CancellationFlag())
  let file = try ModelSession(
    model: try Model(path: path), pool: sample.session.pool, budget: MemoryBudget(total: 1 << 29))
  let outcome = try compare(
    sample, .plan(plan), .model(PlanEvaluator(session: file, text: sample.text)))
  #expect(outcome.verdict == .identical && outcome.windows == 3)
  let other = try compare(
    sample, .plan(Plan()), .model(PlanEvaluator(session: file, text: sample.text)))
  #expect(try #require(other.divergence).paired.mean > 0)
  let alone = try compare(
    sample, .model(PlanEvaluator(session: sample.session, text: sample.text)),
    .model(PlanEvaluator(session: file, text: sample.text)), reference: false, metric: .logLoss)
  #expect(alone.divergence == nil)
  #expect(abs(alone.logLoss.paired.mean - other.logLoss.paired.mean) < 1e-12)
}
