import ViseCompression
import ViseEvaluation
import ViseGraphs
import ViseTensor

/// Times re-measuring an ONNX classifier after an edit of one layer against a full evaluation.
struct ClassifierIncremental {
  let path: String
  let imageOptions: ImageOptions
  let options: RunOptions
  let runs: Int

  struct Row: Encodable {
    let site: String
    /// Medians: of the clock, and of processors, which other programs change less.
    let seconds, processorSeconds: Double
    /// Of a full evaluation, by the clock and by processors.
    let share, processorShare: Double
  }

  /// The JSON contract.
  struct Report: Encodable {
    let images: Int
    /// The reference on all images, for the first time.
    let referenceSeconds: Double
    /// A plan that changes the first layer, on all images.
    let fullSeconds, fullProcessorSeconds: Double
    let edits: [Row]
  }

  func report() throws -> Report {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let images = try imageOptions.images(
      for: model, limit: nil, byteLimit: options.memoryByteCount)
    let evaluator = try ClassifierEvaluator(
      model: model, images: images, pool: options.pool(), byteLimit: options.memoryByteCount)
    let reference = try time(evaluator, Plan())
    let sites = model.sites.filter(\.isTreatable).map(\.site)
    guard let first = sites.first else { throw InputError.nothingTimed }
    let full = try median(evaluator, first)
    let edits = try sites.map { site in
      let time = try median(evaluator, site)
      return Row(
        site: site.name, seconds: time.clock, processorSeconds: time.processor,
        share: time.clock / full.clock, processorShare: time.processor / full.processor)
    }
    return Report(
      images: images.count, referenceSeconds: reference.clock, fullSeconds: full.clock,
      fullProcessorSeconds: full.processor, edits: edits)
  }

  private typealias Time = (clock: Double, processor: Double)

  /// Edits alternate between two formats, so that each run has something to recompute.
  private func median(_ evaluator: ClassifierEvaluator, _ site: Site) throws -> Time {
    let times = try (0..<runs).map { run in
      let format = run % 2 == 0 ? "int8:channel" : "int6:channel"
      let treatment = Treatment(format: NumberFormat(name: format))
      return try time(evaluator, Plan(only: site.name, treatment: treatment))
    }
    return (
      times.map(\.clock).sorted()[runs / 2], times.map(\.processor).sorted()[runs / 2]
    )
  }

  private func time(_ evaluator: ClassifierEvaluator, _ plan: Plan) throws -> Time {
    let (clock, processor) = (ContinuousClock.now, ProcessorTime.ofProcess)
    let planned = try evaluator.planned(plan, calibration: nil, cancellation: Interrupt.flag)
    _ = try evaluator.measure(planned, cancellation: Interrupt.flag)
    return (
      (ContinuousClock.now - clock) / .seconds(1),
      (ProcessorTime.ofProcess - processor) / .seconds(1)
    )
  }

  static func printSummary(_ report: Report) {
    print(
      "\(report.images) images, reference \(report.referenceSeconds) s, full evaluation "
        + "\(report.fullSeconds) s")
    for row in report.edits {
      print(
        "\(row.site): \(row.seconds) s, \(row.share) of full (\(row.processorShare) of processors)"
      )
    }
  }
}
