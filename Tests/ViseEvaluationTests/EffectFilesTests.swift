import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

private func temporaryFolder() -> URL {
  FileManager.default.temporaryDirectory.appending(path: "vise-effects-\(UUID().uuidString)")
}

private func predictor(
  _ sample: SampleSession, _ folder: URL, seed: UInt64 = 1
) throws -> PlanPredictor {
  try PlanPredictor(
    session: sample.session, tokens: sample.text.tokens, firstToken: sample.text.firstToken,
    seed: seed, files: EffectFiles(folder: folder.path), cancellation: CancellationFlag())
}

private let treatment = Treatment(format: .ggml(.q3_K))

private func files(_ folder: URL) throws -> [URL] {
  try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
}

@Test func effectsSurviveARestartBitForBit() throws {
  let folder = temporaryFolder()
  defer { try? FileManager.default.removeItem(at: folder) }
  let sample = try SampleSession(windows: 16)
  let site = try #require(sample.session.model.sites.first { $0.role == .ffnDown })
  let first = try predictor(sample, folder)
  let made = try first.measureEffect(
    of: site, under: treatment, cancellation: CancellationFlag())
  let second = try predictor(sample, folder)
  let found = try #require(second.restoreEffect(of: site, under: treatment))
  #expect(found == made)
  let before = try #require(first.effects.measured(site: site.index, treatment: treatment))
  let after = try #require(second.effects.measured(site: site.index, treatment: treatment))
  #expect(after.shift.words == before.shift.words)
  #expect(after.drawnShifts == before.drawnShifts)
  #expect(second.missingEffects(of: Plan(treatments: [site.name: treatment])).isEmpty)
}

@Test func effectsOfOtherProbesAndTreatmentsAreOthers() throws {
  let folder = temporaryFolder()
  defer { try? FileManager.default.removeItem(at: folder) }
  let sample = try SampleSession(windows: 16)
  let site = try #require(sample.session.model.sites.first { $0.role == .ffnDown })
  _ = try predictor(sample, folder).measureEffect(
    of: site, under: treatment, cancellation: CancellationFlag())
  #expect(try predictor(sample, folder, seed: 2).restoreEffect(of: site, under: treatment) == nil)
  let finer = Treatment(format: .ggml(.q4_K))
  #expect(try predictor(sample, folder).restoreEffect(of: site, under: finer) == nil)
}

@Test func damagedEffectsAreIgnored() throws {
  let folder = temporaryFolder()
  defer { try? FileManager.default.removeItem(at: folder) }
  let sample = try SampleSession(windows: 16)
  let site = try #require(sample.session.model.sites.first { $0.role == .ffnDown })
  let first = try predictor(sample, folder)
  let made = try first.measureEffect(
    of: site, under: treatment, cancellation: CancellationFlag())
  let file = try #require(files(folder).first)
  let whole = try Data(contentsOf: file)
  for count in [0, 7, 60, whole.count / 2, whole.count - 1] {
    try whole.prefix(count).write(to: file)
    #expect(first.restoreEffect(of: site, under: treatment) == nil, "\(count) bytes")
  }
  var changed = whole
  changed[whole.count - 100] ^= 1
  try changed.write(to: file)
  #expect(first.restoreEffect(of: site, under: treatment) == nil)
  let again = try predictor(sample, folder).measureEffect(
    of: site, under: treatment, cancellation: CancellationFlag())
  #expect(again == made)
  #expect(try Data(contentsOf: file) == whole)
}

private func entry(
  _ plan: String, _ bits: [Int?], predicted: Double, measured: Double, deviation: Double = 0
) -> TrialBook.Entry {
  TrialBook.Entry(
    plan: plan, outline: outline(bits), predicted: [predicted, predicted, predicted],
    measured: measured,
    deviation: deviation)
}

/// Sites under the default formats of `bits`, whose divergence falls fourfold a bit.
private func outline(_ bits: [Int?]) -> PlanOutline {
  PlanOutline(
    treatments: bits.map { $0.map { Treatment(format: DefaultFormat.asked(bits: $0)) } },
    alone: bits.map { $0.map { pow(0.25, Double($0)) } ?? 0 })
}

@Test func aPlanMeasuredAgainIsOneTrial() {
  let book = TrialBook()
  book.record(entry("1", [4], predicted: 0.1, measured: 0.2, deviation: 0.1))
  book.record(entry("1", [4], predicted: 0.1, measured: 0.1))
  #expect(book.knowledge(.probe).calibration.trialCount == 1)
  #expect(abs(book.knowledge(.probe).calibration.corrected(0.1) - 0.1) < 1e-12)
}

@Test func distanceIsTheShareOfDivergenceThatChanged() {
  let whole = outline([4, 4, 4, nil])
  #expect(whole.distance(to: whole) == 0)
  #expect(whole.distance(to: outline([nil, nil, nil, 4])) == 1)
  let edited = outline([4, 4, nil, nil])
  #expect(abs(whole.distance(to: edited) - 0.2) < 1e-12)
  #expect(edited.distance(to: whole) == whole.distance(to: edited))
}

@Test func aMeasuredNeighbourSharpensTheFigure() throws {
  let book = TrialBook()
  let base = [Int?](repeating: 4, count: 20)
  book.record(entry("1", base, predicted: 0.1, measured: 0.13))
  var edited = base
  edited[3] = nil
  func estimate(_ bits: [Int?], _ raw: Double) -> Estimate {
    book.estimate(
      raw, samplingDeviation: 0.1, tier: .instant, outline: outline(bits),
      provenance: .predicted(tokens: 256))
  }
  let near = estimate(edited, 0.095)
  #expect(near.trust == .neighbour)
  #expect(abs(near.value - 0.13 * 0.95) < 0.005)
  let far = estimate([Int?](repeating: 3, count: 20), 0.4)
  #expect(far.trust == .method(trials: 1))
  let (sharp, wide) = (try #require(near.interval), try #require(far.interval))
  #expect(sharp.upper / sharp.lower < wide.upper / wide.lower)
}
