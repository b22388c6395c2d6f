import ArgumentParser
import Glibc
import ViseEvaluation
import ViseModels
import ViseTensor

/// Predictions against measurements of speed over random plans.
struct StudyLatencyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latency", abstract: "Compare predicted with measured speed over random plans.",
    discussion: """
      Every plan is really run from its packed weights; the machine should do nothing else. Times \
      of kernels are taken from disk where this build of Vise has measured them here before.
      """)

  @Argument(help: "The model.")
  var model: String

  @Option(help: "Random plans.")
  var plans = 20

  @Option(help: "Seed of the plans.")
  var seed: UInt64 = 1

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Entry: Encodable {
    let treatedSites: Int
    /// Tokens a second.
    let predictedDecode, measuredDecode, predictedPrefill, measuredPrefill: Double
    let isCovered: Bool?
  }

  private struct Report: Encodable {
    let seed: UInt64
    /// Medians of |log(predicted / measured)|.
    let decodeError, prefillError: Double
    /// Plans whose run something else disturbed; they are not counted.
    let disturbed: Int
    /// Plans that had an interval before they ran, and those it held.
    let withInterval, covered: Int
    /// Slowest over fastest of the plans measured.
    let spread: Double
    let plans: [Entry]
  }

  func validate() throws {
    if plans < 1 { throw ValidationError("--plans takes 1 or more") }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: model)
      let session = try options.session(model)
      let meter = try LatencyMeter(session: session, files: MachineFiles.standard())
      let progress = ProgressLine("studying step")
      let rows = try LatencyStudy(meter: meter, cancellation: Interrupt.flag).run(
        LatencyPlans.all(plans, sites: model.sites, seed: seed)
      ) { progress.report($0, of: $1) }
      guard !rows.isEmpty else { throw InputError.nothingTimed }
      let report = report(rows)
      if json { try JSONOutput.write(report) } else { Self.printSummary(report) }
    }
  }

  private func report(_ rows: [LatencyStudy.Row]) -> Report {
    func median(_ error: (LatencyStudy.Row) -> Double) -> Double {
      rows.map { abs(log(error($0))) }.sorted()[rows.count / 2]
    }
    let seconds = rows.map(\.measured.decodeSeconds)
    return Report(
      seed: seed,
      decodeError: median { $0.predicted.decodeSeconds / $0.measured.decodeSeconds },
      prefillError: median { $0.predicted.prefillRate / $0.measured.prefillRate },
      disturbed: plans - rows.count, withInterval: rows.count { $0.isCovered != nil },
      covered: rows.count { $0.isCovered == true },
      spread: (seconds.max() ?? 1) / (seconds.min() ?? 1),
      plans: rows.map {
        Entry(
          treatedSites: $0.treatedSites, predictedDecode: 1 / $0.predicted.decodeSeconds,
          measuredDecode: 1 / $0.measured.decodeSeconds,
          predictedPrefill: $0.predicted.prefillRate, measuredPrefill: $0.measured.prefillRate,
          isCovered: $0.isCovered)
      })
  }

  private static func printSummary(_ report: Report) {
    for plan in report.plans {
      print(
        "decode \(Int(plan.predictedDecode)) predicted, \(Int(plan.measuredDecode)) measured; "
          + "prefill \(Int(plan.predictedPrefill)), \(Int(plan.measuredPrefill)) tokens/s")
    }
    print("decode    median error \(Percentage.text(report.decodeError))")
    print("prefill   median error \(Percentage.text(report.prefillError))")
    if report.disturbed > 0 { print("disturbed \(report.disturbed) plans, not counted") }
    print("intervals \(report.covered) of \(report.withInterval) held")
  }
}
