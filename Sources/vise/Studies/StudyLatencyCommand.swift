import ArgumentParser
import ViseFormats

/// Predictions against measurements of speed over random plans.
struct StudyLatencyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency", abstract: "Compare predicted with measured speed over random plans.",
    discussion: """
      Every plan is really run from its packed weights; the machine should do nothing else. Times \
      of kernels are taken from disk where this build of Vise has measured them here before. \
      `vise bench --latency-check` is the same. Of an ONNX classifier, given --data: times of one \
      image under plans that remove channels and factor layers, against the prior by MACs.
      """)

  @Argument(help: "The model.")
  var model: String

  @Option(help: "Random plans.")
  var plans = LatencyReport.defaultPlans

  @Option(help: "Seed of the plans.")
  var seed: UInt64 = 1

  @OptionGroup var imageOptions: ImageOptions

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if plans < 1 { throw ValidationError("--plans takes 1 or more") }
  }

  func run() throws {
    try CommandRunner.run {
      if imageOptions.data != nil || ONNXReader.accepts(path: model) {
        let report = try GraphLatencyReport(
          path: model, imageOptions: imageOptions, options: options, plans: plans, seed: seed)
        if json { try JSONOutput.write(report) } else { report.printSummary() }
        return
      }
      let report = try LatencyReport(model: model, plans: plans, seed: seed, options: options)
      if json { try JSONOutput.write(report) } else { report.printSummary() }
    }
  }
}
