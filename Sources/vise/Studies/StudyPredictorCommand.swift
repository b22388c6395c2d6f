import ArgumentParser
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor

/// Predictions against measurements over random plans.
struct StudyPredictorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predictor",
    abstract: "Compare predicted with measured KL divergence over random plans.",
    discussion: "Of an ONNX classifier, given --data: predicted with measured accuracy drops.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The text; the sample model's by default.")
  var text: String?

  @Option(help: "Random plans.")
  var plans = 40

  @Option(help: "Seed of the plans.")
  var seed: UInt64 = 1

  @Option(help: "Tokens plans are measured on.")
  var limit = 8192

  @OptionGroup var imageOptions: ImageOptions

  @OptionGroup var calibration: CalibrationOptions

  @Option(help: "Images of the probe, the first of the data.")
  var probe = 256

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(help: "Options drawn for each site, from which plans choose.")
  var choices = 6

  @Option(help: "Plans whose neighbour, changed at one to three sites, is measured too.")
  var neighbours = 20

  @Option(help: "Plans that are learned from before the others are predicted.")
  var trials = 10

  /// Random orders of the plans over which held-out figures are averaged.
  private static let splits = 200

  func validate() throws {
    if trials < 0 { throw ValidationError("--trials takes 0 or more") }
    if plans < trials + 2 { throw ValidationError("--plans takes two more than --trials, or more") }
    if choices < 1 { throw ValidationError("--choices takes 1 or more") }
    if neighbours < 0 { throw ValidationError("--neighbours takes 0 or more") }
    if limit < 512 { throw ValidationError("--limit takes 512 tokens or more") }
  }

  func run() throws {
    try CommandRunner.run {
      if imageOptions.data != nil || ONNXReader.accepts(path: model) {
        let report = try ClassifierStudyRun(
          path: model, imageOptions: imageOptions, options: options,
          calibration: calibration.calibration, plans: plans, trials: trials, probe: probe,
          seed: seed
        ).report()
        if json { try JSONOutput.write(report) } else { report.printSummary() }
        return
      }
      let model = try Model(path: model)
      let path = try SampleModels.text(text)
      let session = try options.session(model)
      let text = try TextLoader(model: model).load(path: path, windowLength: 512, limit: nil)
      let report = try study(session, text)
      if json { try JSONOutput.write(report) } else { report.printSummary() }
    }
  }

  private func study(_ session: ModelSession, _ text: EvaluationText) throws -> PredictorReport {
    let predictor = try PlanPredictor(
      session: session, tokens: text.tokens, firstToken: text.firstToken,
      files: EffectFiles.standard(), cancellation: Interrupt.flag)
    let evaluator = PlanEvaluator(
      session: session,
      text: EvaluationText(
        tokens: text.tokens, windowLength: 512, firstToken: text.firstToken, limit: limit))
    let study = PredictorStudy(
      session: session, predictor: predictor, evaluator: evaluator, cancellation: Interrupt.flag)
    let progress = ProgressLine("studying step")
    let sites = session.model.sites
    let options = StudyOptions.drawn(choices, sites: sites, seed: seed)
    let drawn = PredictorStudy.plans(plans, sites: sites, options: options, seed: seed)
    let rows = try study.run(
      drawn,
      neighbours: PredictorStudy.neighbours(
        of: Array(drawn.prefix(neighbours)), sites: sites, options: options, seed: seed)
    ) { progress.report($0, of: $1) }
    return PredictorReport(
      rows, seed: seed, choices: choices, trials: trials, splits: Self.splits,
      probeTokens: predictor.scoredTokenCount,
      measuredTokens: evaluator.text.windowCount * 512)
  }
}
