import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseTensor

/// Costs of re-measuring after an edit in each part of the model.
struct StudyIncrementalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "incremental",
    abstract: "Time re-measuring after an edit at block k against a full evaluation.",
    discussion: "Of an ONNX classifier: after an edit of each layer in turn, on images.")

  @OptionGroup var input: ModelArguments

  @Option(help: "The text; the sample model's by default.")
  var text: String?

  @Option(help: "Tokens that are measured.")
  var limit = 8192

  @Option(help: "Edits of single layers, spread over the depth.")
  var edits = 20

  @Option(help: "Runs of each figure; the median counts.")
  var runs = 3

  @OptionGroup var imageOptions: ImageOptions

  @OptionGroup var options: RunOptions

  private struct Row: Encodable {
    let block, blocks: Int
    let seconds: Double
    /// Of a full evaluation.
    let share: Double
    /// (L − k)/L + 0.1.
    let bound: Double
  }

  private struct LayerEdits: Encodable {
    let count: Int
    let seconds, fullSeconds: Double
    /// Of as many full evaluations.
    let share: Double
    /// The same of processors' seconds, which other programs change less.
    let processorShare: Double
    /// Unpaired over paired interval of edit − plan; medians over the edits.
    let klTimesNarrower, logLossTimesNarrower: Double
    /// Of a plan measured twice.
    let controlDifference: Double
  }

  private struct Report: Encodable {
    let tokens: Int
    let fullSeconds: Double
    let edits: [Row]
    let layerEdits: LayerEdits
  }

  func validate() throws {
    if limit < 512 || runs < 1 || edits < 1 {
      throw ValidationError("--limit, --runs or --edits is too small")
    }
  }

  func run() throws {
    try CommandRunner.run {
      if ONNXReader.accepts(path: input.model) {
        let report = try ClassifierIncremental(
          path: input.model, imageOptions: imageOptions, options: options, runs: runs
        ).report()
        if input.json {
          try JSONOutput.write(report)
        } else {
          ClassifierIncremental.printSummary(report)
        }
        return
      }
      let model = try Model(path: input.model)
      let path = try SampleModels.text(text)
      let session = try options.session(model)
      let text = try TextLoader(model: model).load(path: path, windowLength: 512, limit: limit)
      try session.prefetchWeights(cancellation: Interrupt.flag)
      let report = try study(session, text)
      if input.json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  /// Edits alternate between two formats, so that each run has something to recompute.
  private func study(_ session: ModelSession, _ text: EvaluationText) throws -> Report {
    let evaluator = PlanEvaluator(session: session, text: text)
    let blocks = session.program.graph.blockCount
    _ = try seconds(evaluator, Plan())
    let first = session.model.sites.filter { $0.block == 0 }
    let full = try median(evaluator, first, count: runs)
    let rows = try [blocks / 4, blocks / 2, 3 * blocks / 4].map { block in
      let sites = session.model.sites.filter { $0.block == block }
      let seconds = try median(evaluator, sites, count: runs)
      return Row(
        block: block, blocks: blocks, seconds: seconds, share: seconds / full,
        bound: Double(blocks - block) / Double(blocks) + 0.1)
    }
    let layers = try EditStudy(evaluator: evaluator, cancellation: Interrupt.flag)
      .run(count: edits, fullRuns: runs)
    return Report(
      tokens: text.windowCount * text.windowLength, fullSeconds: full, edits: rows,
      layerEdits: LayerEdits(
        count: layers.edits, seconds: layers.editSeconds, fullSeconds: layers.fullSeconds,
        share: layers.share, processorShare: layers.processorShare,
        klTimesNarrower: layers.divergenceNarrowing,
        logLossTimesNarrower: layers.logLossNarrowing,
        controlDifference: layers.controlDifference))
  }

  private func median(
    _ evaluator: PlanEvaluator, _ sites: [Site], count: Int
  ) throws -> Double {
    _ = try seconds(evaluator, plan(sites, .q8_0))
    let times = try (0..<count).map { run in
      try seconds(evaluator, plan(sites, run % 2 == 0 ? .q5_0 : .q8_0))
    }
    return times.sorted()[count / 2]
  }

  private func plan(_ sites: [Site], _ type: StorageType) -> Plan {
    Plan(
      treatments: Dictionary(
        uniqueKeysWithValues: sites.map { ($0.name, Treatment(format: .ggml(type))) }))
  }

  private func seconds(_ evaluator: PlanEvaluator, _ plan: Plan) throws -> Double {
    let start = ContinuousClock.now
    _ = try evaluator.measure(
      plan, windows: 0..<evaluator.text.windowCount, cancellation: Interrupt.flag)
    return (ContinuousClock.now - start) / .seconds(1)
  }

  private static func printSummary(_ report: Report) {
    print("\(report.tokens) tokens, full evaluation \(report.fullSeconds) s")
    for row in report.edits {
      print(
        "block \(row.block) of \(row.blocks): \(row.seconds) s, \(row.share) of full, "
          + "bound \(row.bound)")
    }
    let layers = report.layerEdits
    print(
      "\(layers.count) edits of single layers: \(layers.seconds) s, \(layers.share) of as many "
        + "full evaluations (\(layers.processorShare) of processors); a plan measured twice differs by \(layers.controlDifference)"
    )
    print(
      "  paired intervals are narrower than unpaired ones: KL \(layers.klTimesNarrower) times, "
        + "log loss \(layers.logLossTimesNarrower) times")
  }
}
