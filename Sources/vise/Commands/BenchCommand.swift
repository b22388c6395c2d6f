import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseTensor

/// Measures how fast a planned model reads and writes tokens on this machine.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure tokens per second, time to first token and peak memory of a plan.",
    discussion: """
      The model really runs from its packed weights. Prompts are random tokens; decoding starts from \
      an empty context, as llama-bench has it, so that the figures can be compared. With \
      --latency-check random plans are predicted, then run, as `vise study latency` does.
      """)

  @Argument(help: "The model.")
  var model: String

  @Option(help: "A plan file; without one the model runs as it is.")
  var plan: String?

  @Option(help: "Tokens of the prompt.")
  var prompt = 512

  @Option(help: "Tokens to generate.")
  var generate = 128

  @Option(help: "Measured runs, after one that is not.")
  var runs = 3

  @Option(help: "Chooses the prompt, or the plans of --latency-check.")
  var seed: UInt64 = 1

  @Flag(help: "Hold predicted speeds against runs of \(LatencyReport.defaultPlans) random plans.")
  var latencyCheck = false

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  /// Least and greatest of the runs.
  private struct Ranges: Encodable {
    let prefillTokensPerSecond, decodeTokensPerSecond, timeToFirstToken: [Double]
  }

  private struct Report: Encodable {
    /// Medians of the runs.
    let prefillTokensPerSecond, decodeTokensPerSecond: Double
    /// Seconds.
    let timeToFirstToken: Double
    /// The most memory the process had, files it mapped included.
    let peakBytes: Int
    let ranges: Ranges
    /// Bytes one token is multiplied with, and of keys and values.
    let weightBytes, cacheBytes: Int
    let prompt, generate, runs, threads: Int
    let kernels: String
    let substitutions: [SubstitutionEntry]
  }

  func validate() throws {
    guard (1...1 << 20).contains(prompt), (1...1 << 20).contains(generate) else {
      throw ValidationError("--prompt and --generate take 1 or more tokens")
    }
    guard (1...1000).contains(runs) else { throw ValidationError("--runs takes 1 or more") }
    guard !latencyCheck || plan == nil else {
      throw ValidationError("--latency-check draws its plans; leave out --plan")
    }
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      if latencyCheck {
        let report = try LatencyReport(
          model: model, plans: LatencyReport.defaultPlans, seed: seed, options: options)
        if json { try JSONOutput.write(report) } else { report.printSummary() }
        return
      }
      let model = try Model(path: model)
      let file = try PlanLoader.load(plan, model: model)
      let session = try options.session(model, calibration: try calibration.load(for: model))
      let result = try DecodingBenchmark(
        session: session, plan: file.plan, prompt: prompt, generated: generate, seed: seed,
        cancellation: Interrupt.flag
      ).run(runs, cancellation: Interrupt.flag)
      let report = report(
        result, threads: session.pool.threadCount, substitutions: SubstitutionEntry.list(file))
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  private func report(
    _ result: DecodingBenchmark.Result, threads: Int, substitutions: [SubstitutionEntry]
  ) -> Report {
    Report(
      prefillTokensPerSecond: result.prefill.median, decodeTokensPerSecond: result.decode.median,
      timeToFirstToken: result.timeToFirstToken.median, peakBytes: PeakMemory.byteCount,
      ranges: Ranges(
        prefillTokensPerSecond: result.prefill.range, decodeTokensPerSecond: result.decode.range,
        timeToFirstToken: result.timeToFirstToken.range),
      weightBytes: result.weightByteCount, cacheBytes: result.cacheByteCount, prompt: prompt,
      generate: generate, runs: runs, threads: threads, kernels: PackedMatrix.variantName,
      substitutions: substitutions)
  }

  private static func printSummary(_ report: Report) {
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    print("prefill   \(report.prefillTokensPerSecond) tokens/s, \(report.prompt) tokens")
    print("decode    \(report.decodeTokensPerSecond) tokens/s, \(report.generate) tokens")
    print("first     \(report.timeToFirstToken) s to the first token")
    print("memory    \(report.peakBytes) bytes at the peak")
    print("weights   \(report.weightBytes) bytes a token, on \(report.threads) threads")
  }
}
