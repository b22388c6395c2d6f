import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

@testable import ViseEvaluation

/// Predicted times, against laws and against what was made up to follow them.
@Suite struct LatencyTests {
  private static func product(_ type: StorageType, rows: Int, columns: Int) -> DecodingProduct {
    DecodingProduct(kernel: .init(type, columns: columns), rows: rows, columns: columns)
  }

  @Test func aLawThroughThreeTimesGivesThemBack() {
    let products = [(256, 2048), (1024, 512), (64, 512)].map {
      Self.product(.q4_K, rows: $0.0, columns: $0.1)
    }
    func seconds(_ product: DecodingProduct) -> Double {
      3e-6 + 2e-9 * Double(product.rows) + 5e-11 * Double(product.weightCount)
    }
    let law = ProductLaw(
      wide: (products[0], seconds(products[0])), tall: (products[1], seconds(products[1])),
      small: (products[2], seconds(products[2])))
    for product in products + [Self.product(.q4_K, rows: 700, columns: 1536)] {
      let found = law.seconds(rows: product.rows, columns: product.columns)
      #expect(abs(found - seconds(product)) < 1e-6 * seconds(product))
    }
  }

  @Test func aSmallProductThatTookTooLongMakesNoNegativeLaw() {
    let products = [(256, 2048), (1024, 512), (64, 512)].map {
      Self.product(.q8_0, rows: $0.0, columns: $0.1)
    }
    let law = ProductLaw(
      wide: (products[0], 5e-5), tall: (products[1], 4e-5), small: (products[2], 9e-5))
    #expect(law.perProduct >= 0 && law.perRow == 0 && law.perWeight >= 0)
    #expect(law.seconds(rows: 10, columns: 32) > 0)
  }

  @Test func moreBytesComeFromMemoryAndNeverMoreThanAll() throws {
    let curve = CacheCurve(seconds: [1, 1.2, 1.1, 3, 4.9, 5])
    let shares = stride(from: 1 << 20, through: 200 << 20, by: 1 << 20).map {
      curve.share(byteCount: $0)
    }
    #expect(shares.first == 0 && shares.last == 1)
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(CacheCurve(shares: curve.shares) == curve)
    #expect(CacheCurve(shares: [0, 2]) == nil)
    #expect(CacheCurve(seconds: [1, 1, 1, 1, 1, 1]).share(byteCount: 1 << 30) == 0)
  }

  /// Trials whose products take other factors of what they take alone, and some noise.
  private static func trials(
    _ count: Int, packed: Double, rows: Double, noise: Double, seed: UInt64
  ) -> [LatencyTrials.Trial] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in
      let change = LatencyTrials.Change(
        packed: 4e-3 * random.nextUnit() - 1e-3, rows: 6e-3 * random.nextUnit() - 1e-3)
      let measured = 5e-3 + packed * change.packed + rows * change.rows
      return .init(
        change: change, reference: 5e-3,
        measured: measured * exp(noise * (random.nextUnit() + random.nextUnit() - 1)))
    }
  }

  @Test func factorsAreLearnedFromTrials() throws {
    var book = LatencyTrials()
    for (key, trial) in Self.trials(20, packed: 1.3, rows: 0.8, noise: 0, seed: 3).enumerated() {
      book.add(trial, key: key)
    }
    for trial in Self.trials(20, packed: 1.3, rows: 0.8, noise: 0, seed: 4) {
      let predicted = book.seconds(trial.reference, trial.change)
      #expect(abs(log(predicted / trial.measured)) < 0.01)
    }
  }

  @Test func withoutTrialsPartsAddUpAndThereIsNoInterval() {
    let book = LatencyTrials()
    #expect(book.seconds(5e-3, .init(packed: 1e-3, rows: 2e-3)) == 8e-3)
    #expect(book.estimate(1, provenance: .prior).interval == nil)
    #expect(book.seconds(5e-3, .init(packed: -9e-3, rows: 0)) > 0)
  }

  @Test func intervalsHoldAsOftenAsTheySay() throws {
    var held = 0
    var all = 0
    for seed in 0..<60 {
      var book = LatencyTrials()
      let trials = Self.trials(32, packed: 1.2, rows: 0.9, noise: 0.1, seed: UInt64(seed))
      for (key, trial) in trials.prefix(12).enumerated() { book.add(trial, key: key) }
      for trial in trials.dropFirst(12) {
        let estimate = book.estimate(
          book.seconds(trial.reference, trial.change), provenance: .predicted(tokens: 1))
        let interval = try #require(estimate.interval)
        #expect(estimate.trust == .trials(12))
        all += 1
        if (interval.lower...interval.upper).contains(trial.measured) { held += 1 }
      }
    }
    let coverage = Double(held) / Double(all)
    #expect((0.87...0.97).contains(coverage), "\(coverage)")
  }

  @Test func timesAreKeptForOneNumberOfThreadsAndNotTrustedOnceDamaged() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "vise-machine-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = MachineFiles(folder: folder.path)
    files.setValues([1, 2, 3], "something", threads: 2)
    #expect(files.values("something", threads: 2, count: 3) == [1, 2, 3])
    #expect(files.values("something", threads: 3, count: 3) == nil)
    let file = try #require(
      try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .first)
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: file)
    #expect(files.values("something", threads: 2, count: 3) == nil)
  }

  @Test func anEstimateBecomesBetterAndSaysSo() throws {
    let sample = try SampleSession(windows: 1)
    let meter = try LatencyMeter(session: sample.session)
    let flag = CancellationFlag()
    let site = try #require(sample.session.model.sites.first { $0.role == .ffnDown })
    var plan = Plan()
    plan[site.name] = Treatment(format: .ggml(.q8_0))
    #expect(meter.model.latency(of: plan) == nil)
    #expect(try meter.measureReference(cancellation: flag))
    #expect(try !meter.measureReference(cancellation: flag))
    let reference = try #require(meter.model.latency(of: Plan()))
    guard case .measured = reference.decodeSecondsPerToken.provenance else {
      Issue.record("the model as loaded was timed")
      return
    }
    while try meter.measureKernel(of: plan, cancellation: flag) {}
    let predicted = try #require(meter.model.latency(of: plan))
    guard case .predicted(let tokens) = predicted.decodeSecondsPerToken.provenance else {
      Issue.record("the plan was not timed")
      return
    }
    #expect(tokens > 0 && predicted.decodeSecondsPerToken.interval == nil)
    var other = plan
    other[site.name] = Treatment(format: .ggml(.q2_K))
    #expect(meter.model.latency(of: other)?.decodeSecondsPerToken.provenance == .prior)
    let isTimed = try meter.measure(plan, cancellation: flag)
    #expect(try !meter.measure(plan, cancellation: flag))
    // On a busy machine the plan keeps its prediction.
    let after = try #require(meter.model.latency(of: plan)).decodeSecondsPerToken.provenance
    if case .measured = after { #expect(isTimed) } else { #expect(!isTimed) }
  }

  @Test func whatRanOnABusyMachineTeachesNothing() throws {
    let sample = try SampleSession(windows: 1)
    let model = try LatencyModel(
      model: sample.session.model, costs: MachineCosts(pool: sample.session.pool))
    func speed(_ seconds: Double, isCalm: Bool) -> DecodingSpeed {
      DecodingSpeed(
        secondsPerToken: [seconds], promptSeconds: [1], promptLength: 8, tokens: 8,
        isCalm: isCalm)
    }
    let site = try #require(sample.session.model.sites.first { $0.role == .ffnDown })
    let plan = Plan(treatments: [site.name: Treatment(format: .ggml(.q8_0))])
    model.learn(speed(0.1, isCalm: false), of: plan)
    #expect(!model.isMeasured(plan))
    model.learn(speed(0.05, isCalm: true), of: plan)
    #expect(model.latency(of: plan)?.decodeSecondsPerToken.value == 0.05)
  }

  /// Short prompts are read at another rate than long ones: plans run with those say nothing of it.
  @Test func runsOfShortPromptsAreHeldAgainstTheModelAsLoadedWithShortPrompts() throws {
    let sample = try SampleSession(windows: 1)
    let folder = FileManager.default.temporaryDirectory.appending(path: "vise-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = MachineFiles(folder: folder)
    let threads = sample.session.pool.threadCount
    // All from caches: else the head, which both prompts end with, would depend on the plan too.
    let shares = CacheCurve.footprints.map { _ in 0.0 }
    files.setValues(shares, "cache curve", threads: threads)
    let costs = MachineCosts(pool: sample.session.pool, files: files)
    let flag = CancellationFlag()
    let model = try LatencyModel(model: sample.session.model, costs: costs)
    func speed(prompt: Int, seconds: Double) -> DecodingSpeed {
      DecodingSpeed(
        secondsPerToken: [1], promptSeconds: [seconds], promptLength: prompt, tokens: 8)
    }
    let sites = sample.session.model.sites.filter { $0.role == .ffnDown }
    let plans = (1...sites.count).map { count in
      sites.prefix(count).reduce(into: Plan()) { $0[$1.name] = Treatment(format: .ggml(.q8_0)) }
    }
    for kernel in model.kernels(of: Plan()).union(model.kernels(of: plans[0])) {
      // Made up: what other processes take of the machine shall not matter here.
      let weight = kernel.isPacked ? 3e-9 : 7e-9
      files.setValues(
        [5e-7, 1e-9, 1e-11, 0, 1e-9, 2e-11, 0, 3e-8, weight], kernel.name, threads: threads)
      try costs.measure(kernel, cancellation: flag)
    }
    func promptSeconds(_ plan: Plan) throws -> Double {
      512 / (try #require(model.latency(of: plan)).prefillTokensPerSecond.value)
    }
    // As long as what the plans change, so that a wrong reference would show.
    model.useReference(speed(prompt: 512, seconds: 1), others: [])
    let long = 4 * (try plans.map { abs(try promptSeconds($0) - 1) }.max() ?? 0)
    let short = 0.15 * long
    model.useReference(
      speed(prompt: 512, seconds: long), others: [speed(prompt: 128, seconds: short)])
    let changes = try plans.map { try promptSeconds($0) - long }
    for (plan, change) in zip(plans, changes) {
      model.learn(speed(prompt: 128, seconds: short + change / 4), of: plan, isShown: false)
    }
    for (plan, change) in zip(plans, changes) {
      #expect(abs(try promptSeconds(plan) - long - change) < 1e-6 * long)
    }
  }
}
