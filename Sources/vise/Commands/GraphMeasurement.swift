import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor

/// Measures a plan of an ONNX classifier.
struct GraphMeasurement {
  let path: String
  let planPath: String?
  let limit: Int?
  let imageOptions: ImageOptions
  let options: RunOptions
  let calibration: String?

  struct Interval: Encodable {
    let level: Double
    let top1, top1Difference, agreement, klMean: [Double]?
  }

  /// The JSON contract.
  struct Report: Encodable {
    let images: Int
    let top1, referenceTop1, top1Difference, top1Agreement, klMean: Double
    /// Images that became right and wrong.
    let gained, lost: Int
    /// Expected calibration error of the plan and of the model, and its bins of equal width.
    let ece, referenceEce: Double
    let eceBins: Int
    let classes: [ClassEntry]
    /// Of the exported file, and of the model's own.
    let bytes, referenceBytes: Int
    /// Multiplications with an addition for one image.
    let macs, referenceMacs: Int
    /// How much faster kernels of 16 channels a vector are by their MACs alone: a prior.
    let speedupPrior: Double
    let interval: Interval
    let seconds: Double
    let imagesPerSecond: Double
    let substitutions: [SubstitutionEntry]

    enum CodingKeys: String, CodingKey {
      case images, gained, lost, ece, referenceEce, eceBins, classes, bytes, referenceBytes, macs
      case referenceMacs, speedupPrior, interval, seconds
      case imagesPerSecond, substitutions, klMean
      case top1 = "top1"
      case referenceTop1 = "reference_top1"
      case top1Difference = "top1_difference"
      case top1Agreement = "top1_agreement"
    }
  }

  func report() throws -> Report {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let file = try GraphPlanLoader.load(planPath, model: model)
    let images = try imageOptions.images(
      for: model, limit: limit, byteLimit: options.memoryByteCount)
    let statistics = try calibration.map { try GraphCalibrationFile(path: $0, model: model) }
    try statistics?.check(against: images)
    let evaluator = try ClassifierEvaluator(
      model: model, images: images, pool: options.pool(), byteLimit: options.memoryByteCount,
      checkpointBudget: 0)
    let planned = try evaluator.planned(
      file.plan, calibration: statistics, cancellation: Interrupt.flag)
    let progress = ProgressLine("measuring image")
    let start = ContinuousClock.now
    let scores = try evaluator.measure(planned, cancellation: Interrupt.flag) {
      progress.report($0, of: images.count)
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    keep(scores, file.plan, model, images, statistics)
    let (cost, reference) = (try cost(planned.model, images), try cost(model.source, images))
    return Report(
      images: scores.count, top1: scores.top1.mean,
      referenceTop1: Double(scores.referenceHits) / Double(scores.count),
      top1Difference: scores.top1Difference.mean, top1Agreement: scores.agreement.mean,
      klMean: scores.divergence.mean, gained: scores.gained, lost: scores.lost,
      ece: scores.calibrationError.value, referenceEce: scores.referenceCalibrationError.value,
      eceBins: ExpectedCalibrationError.binCount, classes: scores.classes.map(ClassEntry.init),
      bytes: try ONNXWriter.byteCount(of: planned.model), referenceBytes: model.source.byteCount,
      macs: cost.macs, referenceMacs: reference.macs,
      speedupPrior: Double(reference.time) / Double(max(cost.time, 1)),
      interval: Interval(
        level: 0.9, top1: Self.bounds(scores.top1),
        top1Difference: Self.bounds(scores.top1Difference),
        agreement: Self.bounds(scores.agreement), klMean: Self.bounds(scores.divergence)),
      seconds: seconds, imagesPerSecond: Double(scores.count) / seconds,
      substitutions: SubstitutionEntry.list(file) + SubstitutionEntry.list(planned))
  }

  /// Adds what was measured to the trials, where `vise frontier` finds it.
  private func keep(
    _ scores: ClassifierScores, _ plan: Plan, _ model: GraphModel, _ images: LabelledImages,
    _ statistics: GraphCalibrationFile?
  ) {
    guard !plan.isEmpty, let recorder = TrialRecorder.standard(origin: "measure") else { return }
    recorder.add(
      plan, sites: model.sites.map(\.site), measured: scores,
      model: GraphFingerprint.compute(model),
      setting: model.evaluationIdentity(calibration: statistics),
      images: "images \(images.evaluationIdentity)")
  }

  private func cost(_ model: ONNXModel, _ images: LabelledImages) throws -> GraphCost {
    let context = GraphContext(
      pool: nil, memory: nil, byteLimit: options.memoryByteCount, cancellation: Interrupt.flag)
    return try GraphCost(model, input: images.batch(0..<1), context: context)
  }

  private static func bounds(_ mean: MeanInterval) -> [Double]? {
    mean.interval.map { [$0.lower, $0.upper] }
  }

  static func printSummary(_ report: Report, by grouping: MeasureGrouping?) {
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    func line(_ name: String, _ value: Double, _ bounds: [Double]?) {
      let range = bounds.map { " (90 % interval \($0[0]) to \($0[1]))" } ?? ""
      print(name + String(repeating: " ", count: max(1, 22 - name.count)) + "\(value)\(range)")
    }
    print("images                \(report.images)")
    line("top-1", report.top1, report.interval.top1)
    line("reference top-1", report.referenceTop1, nil)
    line("difference", report.top1Difference, report.interval.top1Difference)
    line("top-1 agreement", report.top1Agreement, report.interval.agreement)
    line("KL mean, nats", report.klMean, report.interval.klMean)
    print("became right / wrong  \(report.gained) / \(report.lost)")
    print(
      "calibration error     \(report.ece) (reference \(report.referenceEce)), "
        + "\(report.eceBins) bins, \(report.images) images")
    print("bytes                 \(report.bytes) (reference \(report.referenceBytes))")
    print("MACs an image         \(report.macs) (reference \(report.referenceMacs))")
    print("faster, a prior       \(report.speedupPrior) × by MACs and floats moved, 16 to a vector")
    print("images per second     \(report.imagesPerSecond)")
    if grouping == .class { ClassEntry.printTable(report.classes) }
  }
}

/// Reads a plan file against an ONNX model.
enum GraphPlanLoader {
  /// The plan at `path`; no path is the plan that keeps everything.
  static func load(_ path: String?, model: GraphModel) throws -> PlanFile {
    try PlanFile(
      text: try path.map { try PlanLoader.text($0) } ?? "", sites: model.sites.map(\.site))
  }
}

extension SubstitutionEntry {
  /// Sites that are stored otherwise than their formats say.
  static func list(_ planned: PlannedGraph) -> [SubstitutionEntry] {
    planned.notes.map {
      SubstitutionEntry(site: $0.site, asked: $0.asked, used: $0.used, reason: $0.reason)
    }
  }
}
