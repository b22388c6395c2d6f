import Foundation
import Glibc
import Synchronization
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

private let model = SampleSession.folder.appending(path: "story-lm-f16.gguf").path

private func options(trials folder: String? = nil, effects: EffectFiles? = nil) -> Engine.Options {
  var options = Engine.Options(
    textPath: SampleSession.folder.appending(path: "eval.txt").path, tokenLimit: 1024,
    windowLength: 128, memoryByteCount: 1 << 30, niceness: 0, describe: { "\($0)" })
  options.trialFolder = folder
  options.effects = effects
  return options
}

/// Runs an engine until `isDone` has seen the event it waits for; returns all events.
private func run(
  _ options: Engine.Options, start: (Engine, ModelSummary) -> Void,
  until isDone: (EngineEvent) -> Bool
) throws -> [EngineEvent] {
  let times = EventTimes()
  let engine = Engine(path: model, options: options) { times.post($0) }
  defer { engine.shutDown() }
  var events: [EngineEvent] = []
  var silences = 0
  while silences < 240 {
    let new = times.next().map(\.event)
    silences = new.isEmpty ? silences + 1 : 0
    for event in new {
      events.append(event)
      if case .opened(let summary) = event { start(engine, summary) }
      if isDone(event) { return events }
    }
  }
  try #require(Bool(false), "the engine fell silent after \(events.count) events")
  return events
}

private func withFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "vise-engine-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

@Test(arguments: [3, 4] as [UInt64])
func everyJobEndsExactlyOnceWhateverIsCancelledWhen(seed: UInt64) throws {
  try withFolder { folder in
    var random = RandomSource(seed: seed)
    let jobs = 8
    var ends: [Int: Int] = [:]
    let events = try run(options()) { engine, summary in
      let plan = Plan(treatments: [summary.sites[5].name: Treatment(format: .ggml(.q4_0))])
      for job in 0..<jobs {
        engine.send(
          .export(plan: plan, path: "\(folder)/\(job).gguf", overwrite: false, job: job))
        if random.nextUnit() < 0.5 {
          engine.send(.cancel(job: Int.random(in: 0...job, using: &random)))
        }
        if random.nextUnit() < 0.3 { engine.send(.setPaused(random.nextUnit() < 0.5)) }
      }
      engine.send(.setPaused(false))
      engine.send(.evaluate(plan: plan, revision: 1, attention: []))
    } until: { event in
      if case .jobEnded(let job, _) = event { ends[job, default: 0] += 1 }
      guard ends.count == jobs, case .quality(let quality, 1) = event else { return false }
      return quality.klMean.provenance == .measured(tokens: 1024, of: 1024)
    }
    #expect(ends == Dictionary(uniqueKeysWithValues: (0..<jobs).map { ($0, 1) }), "seed \(seed)")
    let isPart = try FileManager.default.contentsOfDirectory(atPath: folder)
      .contains { !$0.hasSuffix(".gguf") }
    #expect(!isPart && !events.isEmpty)
  }
}

@Test func aMeasuredPlanHasItsFigureAtOnceAfterReopening() throws {
  try withFolder { folder in
    func figure(_ effects: EffectFiles) throws -> (QualityEstimate, measuredAgain: Bool) {
      var found: QualityEstimate?
      let events = try run(options(trials: folder, effects: effects)) { engine, summary in
        let plan = Plan(treatments: [summary.sites[5].name: Treatment(format: .ggml(.q2_K))])
        engine.send(.evaluate(plan: plan, revision: 1, attention: []))
      } until: { event in
        guard case .quality(let quality, 1) = event,
          quality.klMean.provenance == .measured(tokens: 1024, of: 1024)
        else { return false }
        found = quality
        return true
      }
      let isMeasuring = events.contains { event in
        if case .activity(let activity?) = event {
          activity.hasPrefix("measuring ") && activity.contains("windows")
        } else {
          false
        }
      }
      return (try #require(found), isMeasuring)
    }
    let effects = EffectFiles(folder: folder + "/effects")
    let first = try figure(effects)
    // The trial is kept right after its last figure was shown.
    var events = 0
    _ = try run(options(trials: folder, effects: effects)) { engine, summary in
      let plan = Plan(treatments: [summary.sites[5].name: Treatment(format: .ggml(.q2_K))])
      engine.send(.evaluate(plan: plan, revision: 1, attention: []))
    } until: { event in
      events += 1
      if case .sensitivities(let list) = event { return list.contains { $0.siteIndex != 5 } }
      return false
    }
    let second = try figure(effects)
    #expect(first.measuredAgain && !second.measuredAgain)
    #expect(second.0 == first.0)
  }
}

@Test func cancelledWorkStopsBeforeItsNextCut() throws {
  let sample = try SampleSession(windows: 1, threads: 1)
  let weights = try sample.session.prepare(Plan(), cancellation: CancellationFlag())
  let worker = Worker(session: sample.session)
  let flag = CancellationFlag()
  var cuts = 0
  #expect(throws: CancelledError.self) {
    _ = try worker.executor.features(
      of: TokenBatch(
        tokens: sample.text.window(0), sequenceLength: sample.text.windowLength),
      weights: weights, from: nil, cancellation: flag
    ) { _ in
      cuts += 1
      flag.cancel()
    }
  }
  #expect(cuts == 1)
}

@Test func progressComesAtMostTenTimesASecondAndAtTheEnd() {
  var coalescer = ProgressCoalescer()
  let start = ContinuousClock.now
  var reports = 0
  for done in 0..<20_000 where coalescer.report(done: done, total: 20_000) != nil { reports += 1 }
  let last = coalescer.report(done: 20_000, total: 20_000)
  #expect(last?.seconds == 0)
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  #expect(reports >= 1 && Double(reports) <= 1 + 10 * seconds)
}

@Test func workDoneSoonerThanTheIntervalIsNotReportedWhereEndsAreNot() {
  var coalescer = ProgressCoalescer(interval: .seconds(3600), reportsEnds: false)
  for done in 0...100 { #expect(coalescer.report(done: done, total: 100) == nil) }
  var eager = ProgressCoalescer(interval: .zero, reportsEnds: false)
  #expect(eager.report(done: 1, total: 100) != nil)
}

@Test func computeThreadsAreAsNiceAsAsked() throws {
  let pool = ComputePool(threadCount: 2, niceness: 7)
  let seen = Mutex<Set<Int32>>([])
  try pool.forEach(64) { _, _ in
    let nice = getpriority(Int32(PRIO_PROCESS.rawValue), 0)
    seen.withLock { _ = $0.insert(nice) }
  }
  let found = seen.withLock { $0 }
  #expect(found.contains(7), "\(found)")
}

@Test func editsStartWhereTheyChangeSomethingAndTheControlIsExact() throws {
  let sample = try SampleSession(windows: 8)
  let evaluator = PlanEvaluator(session: sample.session, text: sample.text)
  let report = try EditStudy(evaluator: evaluator, cancellation: CancellationFlag())
    .run(count: 4, fullRuns: 1)
  #expect(report.controlDifference == 0)
  #expect(report.logLossNarrowing > 5)
  #expect(report.divergenceNarrowing > 1)
}

@Test func theQueueTellsWhatWaitsInTheOrderItIsDone() throws {
  var queues: [[QueuedWork]] = []
  _ = try run(options()) { engine, summary in
    let plan = Plan(treatments: [summary.sites[5].name: Treatment(format: .ggml(.q4_0))])
    engine.send(.evaluate(plan: plan, revision: 1, attention: [3, 4]))
  } until: { event in
    guard case .queue(let queue) = event else { return false }
    queues.append(queue)
    return queues.count > 1 && !queue.contains { $0.kind == .selectedFormats }
  }
  let first = try #require(queues.first)
  func remaining(_ kind: QueuedWork.Kind, in queue: [QueuedWork]) -> Int {
    queue.first { $0.kind == kind }?.remaining ?? 0
  }
  #expect(remaining(.planEffects, in: first) == 1)
  #expect(remaining(.firstMeasurement, in: first) == 8)
  #expect(remaining(.otherFormats, in: first) > 100)
  let order = QueuedWork.Kind.allCases
  for queue in queues {
    let places = queue.compactMap { order.firstIndex(of: $0.kind) }
    #expect(places == places.sorted())
  }
  for kind in [QueuedWork.Kind.planEffects, .firstMeasurement, .selectedFormats] {
    let counts = queues.map { remaining(kind, in: $0) }
    #expect(counts == counts.sorted(by: >), "\(kind) grew: \(counts)")
  }
}

/// A search of one step, which measures what one layer loses in a format no digit stands for.
private final class OneEffectSearch: BackgroundSearch {
  static let treatment = Treatment(format: .ggml(.q5_1))
  private let resources: SearchResources

  init(_ resources: SearchResources) { self.resources = resources }

  func step(cancellation: CancellationFlag) throws -> Bool {
    try resources.predictor.measureEffect(
      of: resources.session.model.sites[7], under: Self.treatment, cancellation: cancellation)
    return false
  }

  var snapshot: SearchSnapshot {
    SearchSnapshot(
      stage: .measuring, trials: 0, seconds: 0, secondsLimit: 1, strategy: "one", best: nil,
      curve: [])
  }
}

@Test func whatASearchMeasuresOfLayersIsReportedToo() throws {
  var settings = options()
  settings.startSearch = { _, resources in OneEffectSearch(resources) }
  let events = try run(settings) { engine, _ in
    let wish = SearchWish(base: Plan(), limits: PlanLimits(), seconds: 1, seed: 1)
    engine.send(.search(wish, job: 1))
  } until: { event in
    guard case .sensitivities(let list) = event else { return false }
    return list.contains { $0.siteIndex == 7 && $0.treatment == OneEffectSearch.treatment }
  }
  #expect(!events.isEmpty)
}
