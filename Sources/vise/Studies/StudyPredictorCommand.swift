import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseModels
import ViseTensor

/// Predictions against measurements over random plans.
struct StudyPredictorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predictor",
    abstract: "Compare predicted with measured KL divergence over random plans.")

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

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  /// The formats plans are drawn from.
  private static let formats: [NumberFormat] = [
    .ggml(.q2_K), .ggml(.q3_K), .ggml(.q4_K), .ggml(.q4_0), .ggml(.iq4_NL), .ggml(.q5_0),
  ]

  private struct AgreementEntry: Encodable {
    let spearman, meanLogError, logErrorDeviation, medianAbsLogError, coverage: Double

    init(_ agreement: PredictorStudy.Agreement) {
      spearman = agreement.spearman
      meanLogError = agreement.meanLogError
      logErrorDeviation = agreement.logErrorDeviation
      medianAbsLogError = agreement.medianAbsoluteLogError
      coverage = agreement.coverage
    }
  }

  private struct Report: Encodable {
    let plans: Int
    let seed: UInt64
    let spearman, medianAbsLogError, coverage: Double
    let probeTokens, measuredTokens: Int
    let smallestKl, largestKl: Double
    /// Against the plan run on the probe's own tokens, and on the evaluation windows.
    let sameTokens, evaluationTokens: AgreementEntry
  }

  func validate() throws {
    if plans < 3 { throw ValidationError("--plans takes 3 or more") }
    if limit < 512 { throw ValidationError("--limit takes 512 tokens or more") }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: model)
      guard let path = text ?? SampleModels.path(of: SampleModels.defaultText) else {
        throw InputError.noSampleModel
      }
      let session = try options.session(model)
      let text = try TextLoader(model: model).load(path: path, windowLength: 512, limit: nil)
      let report = try study(session, text)
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  private func study(_ session: ModelSession, _ text: EvaluationText) throws -> Report {
    let predictor = try PlanPredictor(
      session: session, tokens: text.tokens, firstToken: text.firstToken,
      cancellation: Interrupt.flag)
    let evaluator = PlanEvaluator(
      session: session,
      text: EvaluationText(
        tokens: text.tokens, windowLength: 512, firstToken: text.firstToken, limit: limit))
    let study = PredictorStudy(
      session: session, predictor: predictor, evaluator: evaluator, cancellation: Interrupt.flag)
    let progress = ProgressLine("studying step")
    let rows = try study.run(
      PredictorStudy.plans(
        plans, sites: session.model.sites, formats: Self.formats, seed: seed)
    ) { progress.report($0, of: $1) }
    let same = PredictorStudy.agreement(rows, with: \.onProbe)
    let evaluation = PredictorStudy.agreement(rows, with: \.measured)
    return Report(
      plans: rows.count, seed: seed, spearman: evaluation.spearman,
      medianAbsLogError: evaluation.medianAbsoluteLogError, coverage: evaluation.coverage,
      probeTokens: predictor.scoredTokenCount,
      measuredTokens: evaluator.text.windowCount * 512,
      smallestKl: rows.map(\.measured).min() ?? 0, largestKl: rows.map(\.measured).max() ?? 0,
      sameTokens: AgreementEntry(same), evaluationTokens: AgreementEntry(evaluation))
  }

  private static func printSummary(_ report: Report) {
    print(
      "\(report.plans) plans, seed \(report.seed), KL \(report.smallestKl) to \(report.largestKl)")
    for (name, entry) in [
      ("same \(report.probeTokens) tokens", report.sameTokens),
      ("\(report.measuredTokens) other tokens", report.evaluationTokens),
    ] {
      print(
        "\(name): Spearman \(entry.spearman), log error \(entry.meanLogError) ± "
          + "\(entry.logErrorDeviation), median |log error| \(entry.medianAbsLogError), "
          + "interval coverage \(entry.coverage)")
    }
  }
}
