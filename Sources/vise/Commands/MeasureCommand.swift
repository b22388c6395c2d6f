import ArgumentParser
import Glibc
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseTensor

/// Measures a plan on a text against the reference.
struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measure perplexity, KL divergence and agreement of a plan on a text.",
    discussion: """
      An ONNX classifier is measured on labelled images: --data instead of --text. A text encoder \
      is measured on pairs of sentences: --pairs.
      """)

  @OptionGroup var input: ModelArguments

  @Option(help: "The text to measure on.")
  var text: String?

  @OptionGroup var imageOptions: ImageOptions

  @Option(help: "For encoders: lines of two sentences and their similarity, as CSV.")
  var pairs: String?

  @Option(help: "A plan file; without one only the reference is measured.")
  var plan: String?

  @Option(help: "Tokens of a window; its second half is scored.")
  var window = 512

  @Option(
    help: "How plans are computed; llama-cpu rounds activations as llama.cpp's CPU code does.")
  var arithmetic = ArithmeticName.float32

  @Option(help: "Use at most this many tokens.")
  var limit: Int?

  @Option(help: "For ONNX classifiers: also a table of each class.")
  var by: MeasureGrouping?

  @OptionGroup var preservation: PreservationOptions

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  struct IntervalEntry: Encodable {
    let level: Double
    let klMean: [Double]
    let perplexityRatio: [Double]
  }

  struct Report: Encodable {
    let tokens, windows: Int
    let perplexity, referencePerplexity, klMean, klP99, top1Agreement: Double
    let interval: IntervalEntry?
    /// Seconds of the measured pass, and of tokenizing.
    let seconds, tokenizeSeconds: Double
    let tokensPerSecond: Double
    let substitutions: [SubstitutionEntry]
    /// The plan on the text that must not change.
    var preserved: PreservationOptions.Entry?

    enum CodingKeys: String, CodingKey {
      case tokens, windows, perplexity, interval, seconds, substitutions, tokenizeSeconds
      case tokensPerSecond, referencePerplexity, klMean, preserved
      case klP99 = "kl_p99"
      case top1Agreement = "top1_agreement"
    }
  }

  func validate() throws {
    let given = [text, imageOptions.data, pairs].count { $0 != nil }
    guard given == 1 || given == 0 && ONNXReader.accepts(path: input.model) else {
      throw ValidationError("give --text, --data for an ONNX classifier or --pairs for an encoder")
    }
    if by != nil, text != nil || pairs != nil {
      throw ValidationError("--by class is of ONNX classifiers")
    }
    guard text != nil else { return }
    guard window >= 4, window <= 1 << 20 else {
      throw ValidationError("--window takes 4 or more tokens")
    }
    if let limit, limit < window { throw ValidationError("--limit is less than one window") }
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      guard let text else {
        if let pairs { try measurePairs(pairs) } else { try measureImages() }
        return
      }
      let model = try Model(path: input.model)
      let file = try PlanLoader.load(plan, model: model)
      let calibration = try calibration.load(for: model)
      let session = try options.session(
        model, calibration: calibration, arithmetic: arithmetic.value)
      let start = ContinuousClock.now
      let tokens = try TextLoader(model: model).load(
        path: text, windowLength: window, limit: limit)
      let tokenizeSeconds = (ContinuousClock.now - start) / .seconds(1)
      try CalibrationOptions.check(calibration, against: tokens)
      try session.prefetchWeights(cancellation: Interrupt.flag)
      let run = MeasureRun(
        evaluator: PlanEvaluator(session: session, text: tokens), plan: file.plan)
      var report = try run.report(
        tokenizeSeconds: tokenizeSeconds, substitutions: SubstitutionEntry.list(file))
      report.preserved = try preservation.entry(
        file.plan, session: session, windowLength: window)
      if input.json { try JSONOutput.write(report) } else { Self.printSummary(report) }
      if report.preserved?.isKept == false { throw ExitCode(1) }
    }
  }

  private func measurePairs(_ pairs: String) throws {
    let report = try EncoderMeasurement(
      path: input.model, planPath: plan, pairs: pairs, limit: limit, options: options
    ).report()
    if input.json { try JSONOutput.write(report) } else { EncoderMeasurement.printSummary(report) }
  }

  private func measureImages() throws {
    let report = try GraphMeasurement(
      path: input.model, planPath: plan, limit: limit, imageOptions: imageOptions,
      options: options, calibration: calibration.calibration
    ).report()
    if input.json {
      try JSONOutput.write(report)
    } else {
      GraphMeasurement.printSummary(report, by: by)
    }
  }

  private static func printSummary(_ report: Report) {
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    print("tokens                \(report.tokens) in \(report.windows) windows")
    print("perplexity            \(report.perplexity) (reference \(report.referencePerplexity))")
    print("KL mean / p99         \(report.klMean) / \(report.klP99) nats")
    print("top-1 agreement       \(report.top1Agreement)")
    if let interval = report.interval {
      print("\(Int(interval.level * 100)) % interval, KL  \(interval.klMean)")
      print("  perplexity ratio    \(interval.perplexityRatio)")
    }
    print("tokens per second     \(report.tokensPerSecond)")
    if let preserved = report.preserved {
      let verdict = preserved.isKept ? "kept" : "not kept"
      print("preserved text        \(verdict), KL mean \(preserved.klMean) of \(preserved.maxKl)")
    }
  }
}

/// A format that took the place of the one asked for, as commands report it.
struct SubstitutionEntry: Encodable {
  let site, asked, used, reason: String

  static func list(_ file: PlanFile) -> [SubstitutionEntry] {
    file.substitutions.map {
      SubstitutionEntry(site: $0.site, asked: $0.asked, used: $0.used, reason: $0.reason)
    }
  }

  var sentence: String {
    ErrorText.printable("\(site): \(used) instead of \(asked), \(reason)")
  }
}

/// The ways to compute a plan, as options name them.
enum ArithmeticName: String, ExpressibleByArgument, CaseIterable {
  case float32
  case llamaCPU = "llama-cpu"

  var value: Arithmetic {
    switch self {
    case .float32: .float32
    case .llamaCPU: .llamaCPU
    }
  }
}

/// One measurement with its timing.
struct MeasureRun {
  let evaluator: PlanEvaluator
  let plan: Plan

  func report(
    tokenizeSeconds: Double, substitutions: [SubstitutionEntry]
  ) throws -> MeasureCommand.Report {
    plan.isEmpty
      ? try referenceReport(tokenizeSeconds: tokenizeSeconds)
      : try planReport(tokenizeSeconds: tokenizeSeconds, substitutions: substitutions)
  }

  private var tokens: Int { evaluator.text.windowCount * evaluator.text.windowLength }

  /// Perplexity of the reference; compared with itself it differs by nothing.
  private func referenceReport(tokenizeSeconds: Double) throws -> MeasureCommand.Report {
    let windows = evaluator.text.windowCount
    let progress = ProgressLine("measuring window")
    let start = ContinuousClock.now
    let sums = try evaluator.referenceLikelihoods(
      windows: 0..<windows, cancellation: Interrupt.flag
    ) { progress.report($0, of: windows) }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let scored = Double(windows * evaluator.text.scoredPositions.count)
    let perplexity = exp(sums.reduce(0, +) / scored)
    return MeasureCommand.Report(
      tokens: tokens, windows: windows, perplexity: perplexity, referencePerplexity: perplexity,
      klMean: 0, klP99: 0, top1Agreement: 1, interval: nil, seconds: seconds,
      tokenizeSeconds: tokenizeSeconds, tokensPerSecond: Double(tokens) / seconds,
      substitutions: [])
  }

  private func planReport(
    tokenizeSeconds: Double, substitutions: [SubstitutionEntry]
  ) throws -> MeasureCommand.Report {
    let windows = evaluator.text.windowCount
    let progress = ProgressLine("measuring window")
    let start = ContinuousClock.now
    let scores = try evaluator.measure(
      plan, windows: 0..<windows, cancellation: Interrupt.flag
    ) { progress.report($0, of: windows) }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let quality = MeasuredQuality(scores, windowLength: evaluator.text.windowLength)
    TrialRecorder.standard(origin: "measure")?.add(
      plan, measured: quality, on: evaluator.text, session: evaluator.session)
    return MeasureCommand.Report(
      tokens: tokens, windows: windows, perplexity: quality.perplexity,
      referencePerplexity: quality.referencePerplexity, klMean: quality.klMean.mean,
      klP99: quality.kl99, top1Agreement: quality.top1Agreement.mean,
      interval: Self.interval(quality), seconds: seconds, tokenizeSeconds: tokenizeSeconds,
      tokensPerSecond: Double(tokens) / seconds, substitutions: substitutions)
  }

  private static func interval(_ quality: MeasuredQuality) -> MeasureCommand.IntervalEntry? {
    guard let kl = quality.klMean.interval, let ratio = quality.perplexityRatio.interval else {
      return nil
    }
    return MeasureCommand.IntervalEntry(
      level: kl.level, klMean: [kl.lower, kl.upper],
      perplexityRatio: [ratio.lower, ratio.upper])
  }
}
