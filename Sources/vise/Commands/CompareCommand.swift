import ArgumentParser
import Glibc
import ViseCompression
import ViseEvaluation
import ViseModels
import ViseTensor

/// Says which of two plans or model files is better.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two plans or model files on a text, by their paired difference.",
    discussion: """
      Measures both on the same windows and stops as soon as they can be told apart: looks are \
      planned beforehand, and their intervals hold together with the probability of --level.
      """)

  @Argument(help: "A plan file (.toml) or a model.")
  var first: String

  @Argument(help: "Another one.")
  var second: String

  @Option(help: "The model that plans are for, and that divergences are from.")
  var model: String?

  @Option(help: "The text to measure on; the sample model's by default.")
  var text: String?

  @Option(help: "What decides: kl, or perplexity; kl where there is a --model.")
  var by: CompareMetric?

  @Option(help: "Differences below this many nats do not matter; stop once it is less.")
  var margin: Double?

  @Option(help: "The probability that all intervals hold.")
  var level = 0.95

  @Flag(help: "Measure on all of the text in any case.")
  var full = false

  @Option(help: "Tokens of a window; its second half is scored.")
  var window = 512

  @Option(help: "Use at most this many tokens.")
  var limit: Int?

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard window >= 4, window <= 1 << 20 else {
      throw ValidationError("--window takes 4 or more tokens")
    }
    if let limit, limit < window { throw ValidationError("--limit is less than one window") }
    guard level >= 0.5, level < 1 else { throw ValidationError("--level takes 0.5 to below 1") }
    if let margin, margin <= 0 { throw ValidationError("--margin takes a positive number") }
    if model == nil {
      if Self.isPlan(first) || Self.isPlan(second) {
        throw ValidationError("plans need the --model they are for")
      }
      if by == .divergence { throw ValidationError("--by kl needs the --model it is from") }
    }
  }

  static func isPlan(_ path: String) -> Bool { path.lowercased().hasSuffix(".toml") }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      let path = try SampleModels.text(text)
      let loader = try ContenderLoader(command: self, textPath: path)
      let sides = try [first, second].map(loader.load)
      let start = ContinuousClock.now
      let schedule = LookSchedule(
        total: loader.text.windowCount, level: level, isEarly: !full)
      let comparison = Comparison(
        reference: loader.reference, first: sides[0].contender, second: sides[1].contender,
        text: loader.text)
      let progress = ProgressLine("comparing window")
      let metric = by ?? (model == nil ? .logLoss : .divergence)
      let outcome = try comparison.run(
        metric: metric.value, margin: margin, schedule: schedule, cancellation: Interrupt.flag
      ) { progress.report($0, of: loader.text.windowCount) }
      loader.record(sides, outcome)
      let report = CompareReport(
        outcome, sides: sides, metric: metric, margin: margin, schedule: schedule,
        text: loader.text, seconds: (ContinuousClock.now - start) / .seconds(1))
      if json { try JSONOutput.write(report) } else { report.printSummary() }
    }
  }
}

/// What may decide a comparison, as options name it.
enum CompareMetric: String, ExpressibleByArgument, CaseIterable, Encodable {
  case divergence = "kl"
  case logLoss = "perplexity"

  var value: Comparison.Metric {
    switch self {
    case .divergence: .divergence
    case .logLoss: .logLoss
    }
  }
}
