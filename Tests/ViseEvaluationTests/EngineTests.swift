import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseTensor

private func startEngine(
  _ path: String = SampleSession.folder.appending(path: "story-lm-f16.gguf").path, log: EventLog
) -> Engine {
  Engine(
    path: path,
    options: Engine.Options(
      textPath: SampleSession.folder.appending(path: "eval.txt").path, tokenLimit: 1024,
      windowLength: 128, memoryByteCount: 1 << 30, niceness: 0, describe: { "\($0)" })
  ) { log.post($0) }
}

private func summary(_ log: EventLog) throws -> ModelSummary {
  try log.first { event in
    if case .opened(let summary) = event { summary } else { nil }
  }
}

@Test func anEditIsPredictedThenMeasuredToTheEndOfTheText() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let site = try #require(try summary(log).sites.last)
  let plan = Plan(treatments: [site.name: Treatment(format: .ggml(.q2_K))])
  engine.send(.evaluate(plan: plan, revision: 7, attention: [site.index]))
  let predicted = try log.first { event -> Estimate? in
    guard case .quality(let quality, 7) = event, case .predicted = quality.klMean.provenance
    else { return nil }
    return quality.klMean
  }
  let measured = try log.first { event -> Estimate? in
    guard case .quality(let quality, 7) = event,
      quality.klMean.provenance == .measured(tokens: 1024, of: 1024)
    else { return nil }
    return quality.klMean
  }
  #expect(predicted.value > 0 && measured.value > 0)
  #expect(measured.interval != nil)
  engine.shutDown()
}

@Test func everyDigitOfTheWatchedSiteBecomesKnown() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let sites = try summary(log).sites
  engine.send(.evaluate(plan: Plan(), revision: 1, attention: [3]))
  var missing = Set(
    DefaultFormat.bitWidths.compactMap { bits in
      DefaultFormat.asked(bits: bits).flatMap { DefaultFormat.resolve($0, for: sites[3])?.used }
    })
  while let next = missing.first {
    let found = try log.first { event -> SiteSensitivity? in
      guard case .sensitivities(let list) = event else { return nil }
      return list.first { $0.siteIndex == 3 && $0.treatment.format == next }
    }
    #expect(found.klMean.value >= 0)
    missing.remove(next)
  }
  engine.shutDown()
}

@Test func aFileThatIsNoModelEndsInOneEvent() throws {
  let log = EventLog()
  let engine = startEngine("/dev/null", log: log)
  let reason = try log.first { event -> String? in
    if case .openFailed(let reason) = event { reason } else { nil }
  }
  #expect(!reason.isEmpty)
  engine.shutDown()
}

@Test func anExportEndsExactlyOnceAndWritesWhatWasPromised() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let summary = try summary(log)
  let site = try #require(summary.sites.first { $0.role == .ffnDown })
  let plan = Plan(treatments: [site.name: Treatment(format: .ggml(.q4_K))])
  let path = FileManager.default.temporaryDirectory
    .appending(path: "vise-engine-\(UUID().uuidString).gguf").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  engine.send(.export(plan: plan, path: path, overwrite: false, job: 1))
  engine.send(.export(plan: plan, path: path, overwrite: false, job: 2))
  func outcome(_ job: Int) throws -> JobOutcome {
    try log.first { event -> JobOutcome? in
      if case .jobEnded(job, let outcome) = event { outcome } else { nil }
    }
  }
  guard case .finished = try outcome(1) else {
    Issue.record("the first export did not finish")
    return
  }
  guard case .failed = try outcome(2) else {
    Issue.record("the second export replaced a file unasked")
    return
  }
  let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
  #expect(size == summary.sizeModel.byteCount(of: plan))
  let ends = log.all.count { if case .jobEnded = $0 { true } else { false } }
  #expect(ends == 2)
  engine.shutDown()
}

@Test func aLookAtASiteIsAnsweredWhileEvaluationGoesOn() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let site = try #require(try summary(log).sites.last)
  let treatment = Treatment(format: .ggml(.q4_0))
  engine.send(
    .evaluate(plan: Plan(treatments: [site.name: treatment]), revision: 1, attention: []))
  engine.send(.inspect(site: site.index, treatment: treatment))
  let result = try log.first { event -> SiteInspection? in
    if case .inspected(let result) = event, result.spectrum != nil { result } else { nil }
  }
  #expect(result.siteIndex == site.index && result.treatment == treatment)
  #expect(result.distortion.map { $0.signalToNoiseDecibels > 10 } == true)
  let measured = try log.first { event -> Bool? in
    guard case .quality(let quality, 1) = event, case .measured = quality.klMean.provenance
    else { return nil }
    return true
  }
  #expect(measured)
  engine.shutDown()
}

@Test func aCalibrationThatIsNoneEndsOpening() throws {
  let log = EventLog()
  let engine = Engine(
    path: SampleSession.folder.appending(path: "story-lm-f16.gguf").path,
    options: Engine.Options(
      textPath: "/dev/null", memoryByteCount: 1 << 30, calibrationPath: "/dev/null", niceness: 0,
      describe: { "\($0)" })
  ) { log.post($0) }
  let reason = try log.first { event -> String? in
    if case .openFailed(let reason) = event { reason } else { nil }
  }
  #expect(!reason.isEmpty)
  engine.shutDown()
}
