import Foundation
import Testing
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseTensor

private let folder = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "SampleModels/mlp-fashion")

/// The first 600 evaluation images of the sample.
private func images() throws -> LabelledImages {
  let path = folder.appending(path: "../fashion-mnist/eval.npz").path
  let file = try ArrayFile(path: path, byteLimit: 1 << 26)
  return try LabelledImages(
    images: file.array("x"), labels: file.array("y"), channels: 1,
    normalization: LabelledImages.Normalization(mean: [0.2860], deviation: [0.3530])
  ).prefix(600)
}

private func startEngine(hasImages: Bool = true, log: EventLog) -> Engine {
  var options = Engine.Options(
    textPath: "", memoryByteCount: 1 << 28, niceness: 0, describe: { "\($0)" })
  if hasImages { options.images = { _ in try images() } }
  return Engine(path: folder.appending(path: "mlp-fashion.onnx").path, options: options) {
    log.post($0)
  }
}

private func summary(_ log: EventLog) throws -> ModelSummary {
  try log.first { if case .opened(let summary) = $0 { summary } else { nil } }
}

private func treatment(_ name: String) throws -> Treatment { try #require(Treatment(name: name)) }

@Test func anEditOfAnONNXModelIsPredictedThenMeasuredOnAllImages() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let opened = try summary(log)
  #expect(opened.sample == .image && opened.evaluationUnavailable == nil)
  #expect(opened.sites.count == 3)
  let plan = Plan(treatments: [opened.sites[1].name: try treatment("int2:channel")])
  engine.send(.evaluate(plan: plan, revision: 3, attention: [1]))
  let predicted = try log.first { event -> QualityEstimate? in
    guard case .quality(let quality, 3) = event,
      quality.klMean.provenance == .predicted(tokens: 256)
    else { return nil }
    return quality
  }
  let measured = try log.first { event -> QualityEstimate? in
    guard case .quality(let quality, 3) = event,
      quality.klMean.provenance == .measured(tokens: 600, of: 600)
    else { return nil }
    return quality
  }
  #expect(predicted.klMean.value > 0 && measured.klMean.value > 0)
  #expect(predicted.klMean.interval != nil && measured.accuracyChange?.interval != nil)
  #expect(measured.accuracyChange.map { abs($0.value) < 0.5 } == true)
  let evaluator = try ClassifierEvaluator(
    model: GraphModel(path: opened.path), images: images(), pool: ComputePool(threadCount: 1),
    byteLimit: 1 << 26)
  let whole = try evaluator.measure(
    evaluator.planned(plan, calibration: nil, cancellation: CancellationFlag()),
    cancellation: CancellationFlag())
  // The engine takes the images in another order.
  #expect(abs(measured.klMean.value - whole.divergence.mean) < 1e-12)
  engine.shutDown()
}

@Test func everyDigitOfTheWatchedLayerOfAnONNXModelBecomesKnownAndIsPredictedAtOnce() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let site = try summary(log).sites[0]
  engine.send(.evaluate(plan: Plan(), revision: 1, attention: [0]))
  for bits in DefaultFormat.bitWidths {
    let wanted = Treatment(format: DefaultFormat.asked(bits: bits, for: site))
    let found = try log.first { event -> SiteSensitivity? in
      guard case .sensitivities(let list) = event else { return nil }
      return list.first { $0.siteIndex == 0 && $0.treatment == wanted }
    }
    let answer = try #require(engine.predictor?.loss(of: site, under: wanted))
    #expect(answer.isMeasured && answer.klMean == found.klMean.value)
  }
  let plan = Plan(treatments: [site.name: try treatment("int4:channel")])
  #expect(engine.predictor?.predict(plan).quality?.klMean.provenance == .predicted(tokens: 256))
  engine.shutDown()
}

@Test func anONNXExportHasThePromisedBytes() throws {
  let log = EventLog()
  let engine = startEngine(log: log)
  let opened = try summary(log)
  let plan = Plan(treatments: [opened.sites[0].name: try treatment("int4:channel")])
  let path = FileManager.default.temporaryDirectory
    .appending(path: "vise-engine-\(UUID().uuidString).onnx").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  engine.send(.export(plan: plan, path: path, overwrite: false, job: 5))
  let outcome = try log.first { event -> JobOutcome? in
    if case .jobEnded(5, let outcome) = event { outcome } else { nil }
  }
  let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
  #expect(outcome == .finished("\(size ?? -1) bytes written to \(path)"))
  #expect(opened.sizeModel.byteCount(of: plan) == size)
  #expect(opened.sizeModel.target(of: plan) == .onnx)
  engine.shutDown()
}

@Test func anONNXModelWithoutImagesIsListedAndLookedInto() throws {
  let log = EventLog()
  let engine = startEngine(hasImages: false, log: log)
  #expect(try summary(log).evaluationUnavailable != nil)
  engine.send(.inspect(site: 2, treatment: try treatment("int4:channel")))
  let found = try log.first { event -> SiteInspection? in
    if case .inspected(let inspection) = event { inspection } else { nil }
  }
  #expect(found.siteIndex == 2 && found.before.count == 1280 && found.distortion != nil)
  engine.send(
    .search(
      SearchWish(base: Plan(), limits: PlanLimits(), seconds: 1, seed: 1), job: 9))
  let outcome = try log.first { event -> JobOutcome? in
    if case .jobEnded(9, let outcome) = event { outcome } else { nil }
  }
  if case .failed = outcome {} else { Issue.record("\(outcome)") }
  engine.shutDown()
}
