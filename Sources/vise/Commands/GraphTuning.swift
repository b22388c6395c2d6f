import Glibc
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor
import ViseTraining

/// Trains a planned ONNX classifier and writes what comes out.
struct GraphTuning {
  let path: String
  let planPath: String?
  let out: String
  let against: String?
  let calibration: String?
  let replacing: Bool
  let restarts: Bool
  let limit: Int?
  let normalizes: Bool
  let training: TrainingOptions
  let imageOptions: ImageOptions
  let options: RunOptions

  /// What an epoch came to on the images it saw.
  struct Epoch: Encodable {
    /// In nats.
    let loss: Double
    let accuracy: Double
  }

  /// Shares of right images that were not trained on.
  struct Measured: Encodable {
    let images: Int
    let top1, untunedTop1, referenceTop1, top1Difference: Double
    /// Of the difference, at 90 %.
    let interval: [Double]?

    enum CodingKeys: String, CodingKey {
      case images, interval
      case top1 = "top1"
      case untunedTop1 = "untuned_top1"
      case referenceTop1 = "reference_top1"
      case top1Difference = "top1_difference"
    }
  }

  /// The JSON contract.
  struct Report: Encodable {
    let images, steps, resumedSteps: Int
    let epochs: [Epoch]
    /// Numbers that were trained.
    let trained: Int
    /// Sites that keep the plan's values.
    let frozen: [String]
    let bytes, referenceBytes: Int
    /// Multiplications with an addition for one image.
    let macs, referenceMacs: Int
    let measured: Measured?
    let seconds, imagesPerSecond: Double
    let substitutions: [SubstitutionEntry]
  }

  func run(json: Bool) throws {
    try refuseExisting()
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let file = try GraphPlanLoader.load(planPath, model: model)
    let images = try imageOptions.images(
      for: model, limit: limit, byteLimit: options.memoryByteCount,
      needsLabels: training.loss.teacherWeight < 1)
    let statistics = try calibration.map { try GraphCalibrationFile(path: $0, model: model) }
    let pool = options.pool()
    let planned = try PlannedGraph(
      model, plan: file.plan, calibration: statistics,
      work: RowWork(pool: pool, cancellation: Interrupt.flag))
    let graph = try TrainableGraph(planned, of: model, plan: file.plan)
    let trainer = try Trainer(
      graph, reference: model.source, examples: ImageExamples(images: images), options: training,
      normalizes: normalizes, pool: pool, byteLimit: options.memoryByteCount)
    let start = ContinuousClock.now
    let result = try train(trainer, identity: identity(model, planned, images))
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let bytes = try ONNXWriter.write(result.model, to: out, replacing: replacing)
    unlink(checkpointPath)
    let tuned = planned.trained(result.model, constants: graph.parameters.map(\.name))
    let seen = images.count * training.epochs * (result.stepCount - result.resumedStepCount)
    let report = Report(
      images: images.count, steps: result.stepCount, resumedSteps: result.resumedStepCount,
      epochs: result.epochs.map { Epoch(loss: $0.loss, accuracy: $0.accuracy) },
      trained: graph.trainedCount, frozen: graph.frozen, bytes: bytes,
      referenceBytes: model.source.byteCount, macs: try macs(result.model, images),
      referenceMacs: try macs(model.source, images),
      measured: try measured(model, planned, tuned, pool), seconds: seconds,
      imagesPerSecond: Double(seen) / Double(max(result.stepCount, 1)) / seconds,
      substitutions: SubstitutionEntry.list(file) + SubstitutionEntry.list(planned))
    if json { return try JSONOutput.write(report) }
    Self.printSummary(report, out: out)
  }

  private var checkpointPath: String { "\(out).training" }

  /// Says so before the work rather than after it.
  private func refuseExisting() throws {
    if restarts { unlink(checkpointPath) }
    guard !replacing, access(out, F_OK) == 0 else { return }
    throw WriteError.alreadyExists(path: out)
  }

  private func train(_ trainer: Trainer, identity: String) throws -> Trainer.Result {
    let progress = ProgressLine("training step")
    return try trainer.run(
      checkpoint: checkpointPath, identity: identity, cancellation: Interrupt.flag
    ) { progress.report($0.step, of: $0.stepCount) }
  }

  private func identity(
    _ model: GraphModel, _ planned: PlannedGraph, _ images: LabelledImages
  ) -> String {
    [
      GraphFingerprint.compute(model), GraphFingerprint.compute(GraphModel(planned.model)),
      images.identity, "\(images.count)", "\(training)", "\(normalizes)",
    ].joined(separator: " ")
  }

  private func macs(_ model: ONNXModel, _ images: LabelledImages) throws -> Int {
    let context = GraphContext(
      pool: nil, memory: nil, byteLimit: options.memoryByteCount, cancellation: Interrupt.flag)
    return try GraphCost(model, input: images.batch(0..<1), context: context).macs
  }

  /// The plan's accuracy with and without training on the images of `--against`.
  private func measured(
    _ model: GraphModel, _ planned: PlannedGraph, _ tuned: PlannedGraph, _ pool: ComputePool
  ) throws -> Measured? {
    guard let against else { return nil }
    var other = imageOptions
    other.data = against
    other.labels = nil
    let images = try other.images(for: model, limit: nil, byteLimit: options.memoryByteCount)
    let evaluator = try ClassifierEvaluator(
      model: model, images: images, pool: pool, byteLimit: options.memoryByteCount)
    let before = try evaluator.measure(planned, cancellation: Interrupt.flag)
    let after = try evaluator.measure(tuned, cancellation: Interrupt.flag)
    return Measured(
      images: images.count, top1: after.top1.mean, untunedTop1: before.top1.mean,
      referenceTop1: Double(after.referenceHits) / Double(images.count),
      top1Difference: after.top1Difference.mean,
      interval: after.top1Difference.interval.map { [$0.lower, $0.upper] })
  }

  private static func printSummary(_ report: Report, out: String) {
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    for (index, epoch) in report.epochs.enumerated() {
      print("epoch \(index + 1)    loss \(epoch.loss), accuracy \(epoch.accuracy)")
    }
    if !report.frozen.isEmpty {
      print("kept as the plan has them: \(report.frozen.joined(separator: ", "))")
    }
    if let measured = report.measured {
      let range = measured.interval.map { " (90 % interval \($0[0]) to \($0[1]))" } ?? ""
      print("top-1                 \(measured.top1) on \(measured.images) images")
      print("without training      \(measured.untunedTop1)")
      print("reference top-1       \(measured.referenceTop1)")
      print("difference            \(measured.top1Difference)\(range)")
    }
    print("MACs an image         \(report.macs) (reference \(report.referenceMacs))")
    print("images per second     \(report.imagesPerSecond)")
    print("written               \(report.bytes) bytes to \(out)")
  }
}

/// Labelled images as what a model is trained on.
struct ImageExamples: TrainingExamples {
  let images: LabelledImages

  var count: Int { images.count }

  func batch(of indices: [Int]) -> Tensor { images.batch(of: indices) }

  func label(of index: Int) -> Int { images.labels[index] }
}
