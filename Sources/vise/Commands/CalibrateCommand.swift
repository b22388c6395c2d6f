import ArgumentParser
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseTensor

/// Collects the statistics of a model's activations that calibrated methods need.
struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Collect statistics of a model's activations on a text.",
    discussion: "An ONNX model is run on images: --data instead of --text.")

  @OptionGroup var input: ModelArguments

  @Option(help: "The calibration text; it must not be the text quality is measured on.")
  var text: String?

  @Option(help: "The file to write; unfinished work is kept beside it and picked up again.")
  var out: String

  @Option(help: "The evaluation text, to make sure that the two have nothing in common.")
  var against: String?

  @Option(help: "Tokens of a window.")
  var window: Int?

  @Option(help: "Use at most this many tokens.")
  var limit: Int?

  @Option(help: "Use this many tokens sampled from the model itself instead of a text.")
  var selfGenerate: Int?

  @Option(
    help: "A text whose outputs matter most: it gets --preserve-share of the statistics.")
  var preserve: String?

  @Option(help: "The preserved text's share, whatever its length; between 0 and 1.")
  var preserveShare = 0.5

  @Option(help: "Seed of the sampling.")
  var seed: UInt64 = 1

  @Flag(help: "Replace the file if it exists.")
  var overwrite = false

  @OptionGroup var imageOptions: ImageOptions

  @OptionGroup var options: RunOptions

  private struct OverlapEntry: Encodable {
    /// The share of the evaluation text's runs of 32 tokens that the calibration text holds.
    let share: Double
    let checkedRuns: Int
  }

  private struct Report: Encodable {
    let tokens, windows, inputs, sites, passes, resumedWindows, bytes: Int
    /// Seconds of collecting, without tokenizing or sampling.
    let seconds: Double
    let tokensPerSecond: Double
    let source: String
    let overlap: OverlapEntry?
  }

  func validate() throws {
    guard imageOptions.data == nil, !ONNXReader.accepts(path: input.model) else {
      guard text == nil, selfGenerate == nil else {
        throw ValidationError("images go with neither --text nor --self-generate")
      }
      return
    }
    if (text == nil) == (selfGenerate == nil) {
      throw ValidationError("give one of --text and --self-generate")
    }
    if let selfGenerate, selfGenerate < TextSampler.sequenceLength {
      throw ValidationError(
        "--self-generate takes \(TextSampler.sequenceLength) tokens or more")
    }
    if selfGenerate != nil, window != nil || limit != nil {
      throw ValidationError("--window and --limit are for texts")
    }
    guard preserveShare > 0, preserveShare < 1 else {
      throw ValidationError("--preserve-share lies between 0 and 1")
    }
    if let window, !(4...1 << 20).contains(window) {
      throw ValidationError("--window takes 4 or more tokens")
    }
    if let limit, limit < window ?? Self.defaultWindow {
      throw ValidationError("--limit is less than one window")
    }
  }

  private static let defaultWindow = 512

  func run() throws {
    try CommandRunner.run {
      guard imageOptions.data == nil, !ONNXReader.accepts(path: input.model) else {
        try GraphCalibration(
          path: input.model, out: out, replacing: overwrite, limit: limit,
          imageOptions: imageOptions, options: options
        ).run(json: input.json)
        return
      }
      let model = try Model(path: input.model)
      let session = try options.session(model)
      let (text, source) = try preserving(try calibrationText(session), model)
      let overlap = try against.map { try self.overlap(of: text, with: $0, model) }
      var settings = CalibrationCollector.Settings(
        path: out, sumsByteCount: session.budget.sums, source: source)
      settings.replacing = overwrite
      let collector = try CalibrationCollector(session: session, text: text, settings: settings)
      let progress = ProgressLine("calibrating window")
      let start = ContinuousClock.now
      let summary = try collector.run(cancellation: Interrupt.flag) { progress.report($0, of: $1) }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let report = Report(
        tokens: summary.tokenCount, windows: summary.windowCount, inputs: summary.inputCount,
        sites: summary.siteCount, passes: summary.passCount,
        resumedWindows: summary.resumedWindowCount, bytes: summary.byteCount, seconds: seconds,
        tokensPerSecond: Double(summary.tokenCount) / seconds, source: source, overlap: overlap)
      if input.json { try JSONOutput.write(report) } else { printSummary(report) }
    }
  }

  /// The text to run, and where it comes from in words.
  private func calibrationText(_ session: ModelSession) throws -> (EvaluationText, String) {
    if let path = text {
      let text = try TextLoader(model: session.model).load(
        path: path, windowLength: window ?? Self.defaultWindow, limit: limit)
      return (text, "text")
    }
    let progress = ProgressLine("sampling step")
    let text = try TextSampler(session: session, seed: seed).text(
      tokenCount: selfGenerate ?? 0, cancellation: Interrupt.flag
    ) { progress.report($0, of: $1) }
    return (text, "sampled from the model, seed \(seed)")
  }

  /// The text with the preserved one's share in it.
  private func preserving(
    _ own: (text: EvaluationText, source: String), _ model: Model
  ) throws -> (EvaluationText, String) {
    guard let preserve else { return own }
    let mixed = PreservedText(
      try TextLoader(model: model).load(
        path: preserve, windowLength: own.text.windowLength, limit: nil), in: own.text,
      share: preserveShare)
    let share = Percentage.text(mixed.share)
    return (mixed.text, "\(own.source), and a preserved text, \(share) of all")
  }

  /// Refuses the evaluation text, or a part of it; warns of one that holds a part.
  private func overlap(
    of text: EvaluationText, with path: String, _ model: Model
  ) throws -> OverlapEntry {
    let used = text.tokens.prefix(text.windowCount * text.windowLength)
    let overlap = TextGrams(tokens: used).overlap(
      with: try TextLoader(model: model).tokens(path: path))
    if overlap.isWhole { throw CalibrationError.sameText }
    if !overlap.isNone {
      StandardError.write(
        "vise: warning: \(Percentage.text(overlap.share)) of the evaluation text is in the "
          + "calibration text; what is measured on it will look better than it is\n")
    }
    return OverlapEntry(share: overlap.share, checkedRuns: overlap.checkedCount)
  }

  private func printSummary(_ report: Report) {
    print("tokens                \(report.tokens) in \(report.windows) windows")
    print("inputs                \(report.inputs), read by \(report.sites) sites")
    if report.passes > 1 { print("passes                \(report.passes)") }
    if report.resumedWindows > 0 { print("resumed               \(report.resumedWindows) windows") }
    print("written               \(report.bytes) bytes")
    print("tokens per second     \(report.tokensPerSecond)")
  }
}

/// Shares as people read them.
enum Percentage {
  /// Two digits that matter at least: 0.34 %, 12 %.
  static func text(_ share: Double) -> String {
    let percent = share * 100
    let scale: Double = percent >= 10 ? 1 : percent >= 1 ? 10 : 1000
    let rounded = (percent * scale).rounded() / scale
    return scale == 1 ? "\(Int(rounded)) %" : "\(rounded) %"
  }
}
