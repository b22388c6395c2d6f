import Foundation
import Synchronization
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor
import ViseTrials

@testable import ViseEvaluation

private func withRecorder(_ body: (TrialRecorder, TrialStore) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-recorder-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let store = try TrialStore(path: folder.appending(path: "trials.sqlite").path)
  try body(TrialRecorder(store: store, origin: "test") { Issue.record("\($0)") }, store)
}

private func predictor(_ sample: SampleSession, _ recorder: TrialRecorder?) throws -> PlanPredictor
{
  try PlanPredictor(
    session: sample.session, tokens: sample.text.tokens, firstToken: sample.text.firstToken,
    recorder: recorder, cancellation: CancellationFlag())
}

private struct NoLatency: LatencyPredicting {
  func latency(of plan: Plan) -> LatencyEstimate? { nil }
}

private func measured(
  _ plan: Plan, _ sample: SampleSession, windows: Int? = nil
) throws -> MeasuredQuality {
  let scores = try PlanEvaluator(session: sample.session, text: sample.text).measure(
    plan, windows: 0..<(windows ?? sample.text.windowCount), cancellation: CancellationFlag())
  return MeasuredQuality(scores, windowLength: sample.text.windowLength)
}

@Test func whatWasLearnedIsKnownToTheNextSessionNeighboursToo() throws {
  let sample = try SampleSession(windows: 16)
  let sites = sample.session.model.sites.filter { $0.role == .ffnDown }
  let plan = Plan(
    treatments: Dictionary(
      uniqueKeysWithValues: sites.map { ($0.name, Treatment(format: .ggml(.q3_K))) }))
  try withRecorder { recorder, store in
    let first = try predictor(sample, recorder)
    for (site, treatment) in first.missingEffects(of: plan) {
      try first.measureEffect(of: site, under: treatment, cancellation: CancellationFlag())
    }
    let quality = try measured(plan, sample)
    try first.learn(
      plan, measured: quality, on: sample.text,
      instant: first.instantPredictor(latency: NoLatency()), cancellation: CancellationFlag())
    let second = try predictor(sample, recorder)
    for tier in TrialBook.Tier.allCases {
      let (before, after) = (first.trials.knowledge(tier), second.trials.knowledge(tier))
      #expect(after.calibration.trialCount == 1)
      #expect(after.calibration.corrected(0.05) == before.calibration.corrected(0.05))
      #expect(
        after.neighbours.map(\.outline.treatments) == before.neighbours.map(\.outline.treatments))
      #expect(after.neighbours.map(\.outline.alone) == before.neighbours.map(\.outline.alone))
    }
    #expect(
      second.trials.knowledge(.probe).neighbours.first?.outline.distance(
        to: first.outline(of: plan)) == 0)
    let kept = try #require(
      try store.trials(model: sample.session.model.fingerprint, limit: 9).first)
    #expect(kept.klMean.value == quality.klMean.mean && kept.origin == "test")
    #expect(try PlanFile(text: kept.plan, sites: sample.session.model.sites).plan == plan)
  }
}

@Test func aMeasurementOfAllTheTextIsRecalledAndOnlyThat() throws {
  let sample = try SampleSession(windows: 4)
  let site = try #require(sample.session.model.sites.last)
  let plan = Plan(treatments: [site.name: Treatment(format: .ggml(.q2_K))])
  try withRecorder { recorder, _ in
    func recalled(_ plan: Plan) -> QualityEstimate? {
      recorder.quality(of: plan, on: sample.text, session: sample.session)
    }
    recorder.add(
      plan, measured: try measured(plan, sample, windows: 2), on: sample.text,
      session: sample.session)
    #expect(recalled(plan) == nil)
    let whole = try measured(plan, sample)
    recorder.add(plan, measured: whole, on: sample.text, session: sample.session)
    #expect(recalled(plan) == whole.estimate(of: whole.tokenCount))
    #expect(recalled(Plan(treatments: [site.name: Treatment(format: .ggml(.q3_K))])) == nil)
  }
}

@Test func otherCalibrationsOrArithmeticAreOtherTrials() throws {
  let sample = try SampleSession(windows: 2)
  let rounded = try ModelSession(
    model: sample.session.model, arithmetic: .llamaCPU, pool: ComputePool(threadCount: 1),
    budget: MemoryBudget(total: 1 << 28))
  let site = try #require(sample.session.model.sites.last)
  let plan = Plan(treatments: [site.name: Treatment(format: .ggml(.q4_0))])
  try withRecorder { recorder, _ in
    recorder.add(
      plan, measured: try measured(plan, sample), on: sample.text, session: sample.session)
    #expect(recorder.quality(of: plan, on: sample.text, session: sample.session) != nil)
    #expect(recorder.quality(of: plan, on: sample.text, session: rounded) == nil)
  }
}

/// Raise `MeasurementCode.version` where this fails for a good reason.
///
/// Trials that were measured before would otherwise be taken for the new figure.
@Test func aFixedPlanMeasuresAsTheCodeVersionSays() throws {
  let sample = try SampleSession(windows: 4, windowLength: 128)
  let sites = sample.session.model.sites.filter { $0.role == .ffnUp || $0.role == .attentionOutput }
  let formats = ["q3_K", "int4:g32", "prune=0.3 rank=64 format=int4:g128"]
  let plan = Plan(
    treatments: Dictionary(
      uniqueKeysWithValues: try sites.enumerated().map { index, site in
        (site.name, try #require(Treatment(name: formats[index % formats.count])))
      }))
  // Versions 3 and 5 changed what statistics decide alone, of which this plan has none.
  let figures = ["1": 0.091179, "2": 0.091991, "3": 0.091991, "4": 0.090574, "5": 0.091991]
  let expected = try #require(figures[MeasurementCode.version])
  let found = try measured(plan, sample).klMean.mean
  // Other processors add in another order, and a few codes round otherwise.
  #expect(abs(found / expected - 1) < 5e-3, "\(found)")
}

@Test func aStoreThatFailsIsReportedOnceAndCostsNothingElse() throws {
  let sample = try SampleSession(windows: 2)
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-recorder-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  let path = folder.appending(path: "trials.sqlite").path
  let store = try TrialStore(path: path)
  try FileManager.default.removeItem(at: folder)
  let faults = Mutex(0)
  let recorder = TrialRecorder(store: store, origin: "test") { _ in faults.withLock { $0 += 1 } }
  let plan = Plan(treatments: ["none": Treatment(format: .ggml(.q4_0))])
  let quality = try measured(Plan(), sample)
  for _ in 0..<3 {
    recorder.add(plan, measured: quality, on: sample.text, session: sample.session)
  }
  #expect(faults.withLock { $0 } <= 1)
  #expect(recorder.entries(probe: "p", total: 1, session: sample.session).isEmpty)
}
