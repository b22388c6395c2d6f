import Foundation
import Synchronization
import Testing
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseSearch
import ViseTensor

private let samples = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "SampleModels")

/// Three linear layers with 400 images, which searches go through in no time.
private struct Sample {
  let model: GraphModel
  let sites: [Site]
  let sizes: SizeModel
  let images: SearchImages
  let evaluator: ClassifierEvaluator
  let predictor: ClassifierPredictor

  init() throws {
    model = try GraphModel(path: samples.appending(path: "mlp-fashion/mlp-fashion.onnx").path)
    sites = model.sites.map(\.site)
    sizes = SizeModel(onnx: try GraphSizes(model), sites: sites)
    let file = try ArrayFile(
      path: samples.appending(path: "fashion-mnist/eval.npz").path, byteLimit: 1 << 26)
    let all = try LabelledImages(
      images: file.array("x"), labels: file.array("y"), channels: 1,
      normalization: LabelledImages.Normalization(mean: [0.2860], deviation: [0.3530]))
    images = SearchImages(all.prefix(400).shuffled(), windowLength: 16, selectionWindows: 8)
    let pool = ComputePool(threadCount: 2)
    evaluator = try ClassifierEvaluator(
      model: model, images: images.images, pool: pool, byteLimit: 1 << 26)
    predictor = try ClassifierPredictor(
      evaluator: ClassifierEvaluator(
        model: model, images: images.images.prefix(64), pool: pool, byteLimit: 1 << 26),
      calibration: nil, cancellation: CancellationFlag())
  }

  func costs(share: Double) throws -> SpaceCosts {
    var builder = SearchSpaceBuilder(
      sites: sites, treatments: SearchSpaceBuilder.standardTreatments(for: sites))
    builder.sizes = sizes
    let limit = share * Double(sizes.byteCount(of: Plan()))
    return try SpaceCosts(
      space: builder.build(), budget: Budget(limits: [.bytes: limit.rounded()]),
      models: [.bytes(sizes)])
  }

  /// - Parameter mostCalls: measurements before the search is interrupted.
  func search(
    _ costs: SpaceCosts, by strategy: StrategyName = .descent, mostCalls: Int = .max,
    journal: SearchJournal? = nil
  ) -> PlanSearch {
    let interruption = Interruption(mostCalls: mostCalls)
    return PlanSearch(
      SearchRequest(
        costs: costs, goal: .leastLoss, strategy: strategy, limits: SearchLimits(trials: 6),
        seed: 3),
      sites: sites, probing: InterruptedProbing(predictor, interruption),
      windowCount: images.selectionWindows,
      measuring: InterruptedMeasuring(
        ImageMeasuring(evaluator, images: images, calibration: nil), interruption),
      journal: journal)
  }
}

/// Counts measurements, and cancels after some.
private final class Interruption: Sendable {
  private let left: Mutex<Int>

  init(mostCalls: Int) {
    left = Mutex(mostCalls)
  }

  func count() throws {
    try left.withLock { left in
      guard left > 0 else { throw CancelledError() }
      left -= 1
    }
  }
}

private struct InterruptedProbing: LossProbing {
  let inner: any LossProbing
  let interruption: Interruption

  init(_ inner: any LossProbing, _ interruption: Interruption) {
    self.inner = inner
    self.interruption = interruption
  }

  func loss(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> Double {
    try interruption.count()
    return try inner.loss(of: site, under: treatment, cancellation: cancellation)
  }
}

private struct InterruptedMeasuring: PlanMeasuring {
  let batchSize = 1
  let inner: any PlanMeasuring
  let interruption: Interruption

  init(_ inner: any PlanMeasuring, _ interruption: Interruption) {
    self.inner = inner
    self.interruption = interruption
  }

  func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]] {
    try interruption.count()
    return try inner.measure(orders, cancellation: cancellation)
  }
}

private func finish(_ search: PlanSearch) throws -> [SearchRun.Trial] {
  while try search.step(cancellation: CancellationFlag()) {}
  return search.trials
}

struct ImageSearchTests {
  @Test func theBestPlanOfAClassifierKeepsItsSizeAndIsMeasuredAsAnywhereElse() throws {
    let sample = try Sample()
    let costs = try sample.costs(share: 0.2)
    let search = sample.search(costs)
    let trials = try finish(search)
    #expect((1...6).contains(trials.count))
    let best = try #require(search.best)
    #expect(search.ranked.first == best.plan)
    let flag = CancellationFlag()
    let planned = try sample.evaluator.planned(best.plan, calibration: nil, cancellation: flag)
    let bytes = try ONNXWriter.byteCount(of: planned.model)
    #expect(bytes == sample.sizes.byteCount(of: best.plan))
    #expect(Double(bytes) <= costs.limits[0] && Double(bytes) > 0.6 * costs.limits[0])
    let scores = try sample.evaluator.measure(
      planned, images: 0..<sample.images.selectionCount, cancellation: flag)
    #expect(abs(scores.divergence.mean - best.trial.loss) < 1e-12)
    #expect(best.trial.losses.count == 8 && sample.images.verification == 128..<400)
  }

  @Test(arguments: 1...2 as ClosedRange<UInt64>)
  func aStoppedSearchOfAClassifierEndsWhereAnUnstoppedOneDoes(seed: UInt64) throws {
    let sample = try Sample()
    let costs = try sample.costs(share: 0.18)
    let whole = try finish(sample.search(costs, by: .random))
    #expect(whole.count == 6)
    let path = FileManager.default.temporaryDirectory.appending(path: "vise-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var random = RandomSource(seed: seed)
    func run(mostCalls: Int) throws -> [SearchRun.Trial]? {
      let journal = try SearchJournal(path: path, identity: "x")
      do {
        return try finish(
          sample.search(costs, by: .random, mostCalls: mostCalls, journal: journal))
      } catch is CancelledError {
        return nil
      }
    }
    for _ in 0..<200 {
      guard let trials = try run(mostCalls: Int.random(in: 1...5, using: &random)) else { continue }
      #expect(trials == whole, "seed \(seed)")
      // Nothing is measured again.
      #expect(try run(mostCalls: 0) == whole)
      return
    }
    Issue.record("never came to an end, seed \(seed)")
  }

  @Test func aSizeOutOfReachIsRefusedWithWhatTheSmallestFileTakes() throws {
    let sample = try Sample()
    var builder = SearchSpaceBuilder(
      sites: sample.sites, treatments: SearchSpaceBuilder.standardTreatments(for: sample.sites))
    builder.sizes = sample.sizes
    let smallest = Plan(
      treatments: try Dictionary(
        uniqueKeysWithValues: sample.sites.map {
          ($0.name, try #require(Treatment(name: "int4:channel")))
        }))
    let planned = try sample.evaluator.planned(
      smallest, calibration: nil, cancellation: CancellationFlag())
    let least = try ONNXWriter.byteCount(of: planned.model)
    let error = #expect(throws: SearchSpaceError.self) {
      try SpaceCosts(
        space: builder.build(), budget: Budget(limits: [.bytes: 1000]),
        models: [.bytes(sample.sizes)])
    }
    guard case .unreachable(.bytes, 1000, let named)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(Int(named) == least)
  }

  @Test func layersGetWhatSavesBytesOfTheirFileAlone() throws {
    let model = try GraphModel(
      path: samples.appending(path: "resnet20-fashion/resnet20-fashion.onnx").path)
    let sites = model.sites.map(\.site)
    var builder = SearchSpaceBuilder(
      sites: sites, treatments: SearchSpaceBuilder.standardTreatments(for: sites))
    builder.sizes = SizeModel(onnx: try GraphSizes(model), sites: sites)
    let space = builder.build()
    #expect(space.units.count == sites.count)
    for unit in space.units {
      let names = unit.options.map { $0.treatments[0].name }
      // ONNX has groups along one dimension alone, which convolutions' weights do not have.
      let isLinear = sites[unit.sites[0]].role == .linear
      #expect(names.contains { $0.contains("int4:g32") } == isLinear, "\(names)")
      #expect(names.contains { $0.contains("int8:channel") })
    }
  }

  @Test func uniformPlansTreatEveryLayerThatCanBe() throws {
    let sample = try Sample()
    let space = try sample.costs(share: 0.5).space
    let plans = UniformPlan.all(of: space, sizes: sample.sizes)
    #expect(plans.map(\.byteCount) == plans.map(\.byteCount).sorted(by: >))
    #expect(plans.first?.treatment.name.contains("int8:channel") == true)
    for uniform in plans {
      #expect(sample.sizes.byteCount(of: uniform.plan) == uniform.byteCount)
    }
  }

  @Test func aFitOfAGraphChoosesIntegers() throws {
    let sample = try Sample()
    let full = sample.sizes.byteCount(of: Plan())
    let fit = try QuickFit(
      sites: sample.sites, sizes: sample.sizes, decodeSeconds: { _ in nil }, loss: { _, _ in nil }
    ).fit(base: Plan(), limits: PlanLimits(byteCount: full / 4))
    #expect(sample.sizes.byteCount(of: fit.plan) <= full / 4)
    #expect(!fit.plan.isEmpty && fit.guessed > 0)
    #expect(
      fit.plan.treatments.values.allSatisfy { treatment in
        if case .integer? = treatment.format { true } else { false }
      })
  }

  @Test func fewImagesChooseAndJudgeInSmallWindows() throws {
    let images = try Sample().images.images
    let few = SearchImages(images.prefix(90), selectionWindows: 16)
    #expect(few.windowLength == 4 && few.selectionCount == 44 && few.verification == 44..<90)
    let fewest = SearchImages(images.prefix(18), selectionWindows: 16)
    #expect(fewest.selectionCount == 18 && fewest.verification == nil)
    let many = SearchImages(images, selectionWindows: 3)
    #expect(many.windowLength == 24 && many.selectionCount == 72)
  }
}
