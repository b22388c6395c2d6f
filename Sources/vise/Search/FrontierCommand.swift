import ArgumentParser
import ViseFormats
import ViseModels
import ViseSearch
import ViseTrials

/// Shows which measured plans of a model no other beats.
struct FrontierCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frontier",
    abstract: "The measured plans of a model that no other surely beats in size and quality.",
    discussion: """
      Plans are those measured on one text, by default the one most plans were measured on. A plan \
      is beaten by one that costs no more and whose interval lies below its own; plans within each \
      other's intervals are not ranked.
      """)

  @OptionGroup var input: ModelArguments

  @Option(help: "Also compare by time for a token on this device; see vise devices.")
  var latencyOn: String?

  @Option(help: "Tokens before the one that is decoded.")
  var context = 2048

  @Option(help: "Write the plan of the frontier with this number to --out.")
  var take: Int?

  @Option(help: "Where to write the plan.")
  var out: String?

  @Flag(help: "Replace an existing file.")
  var overwrite = false

  @Option(help: "At most this many of the newest trials.")
  var limit = 2000

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit takes a positive number") }
    guard (take == nil) == (out == nil) else {
      throw ValidationError("--take and --out go together")
    }
    guard (0...1 << 24).contains(context) else {
      throw ValidationError("--context takes 0 to \(1 << 24) tokens")
    }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: input.model)
      guard let folder = TrialStore.standardFolder() else { throw InputError.noTrialStore }
      let store = try TrialStore(path: "\(folder)/\(TrialStore.fileName)")
      let trials = try store.trials(model: model.fingerprint, limit: limit)
      let device = try latencyOn.map {
        try DeviceCosts(model: model, device: $0, context: context).models()[0]
      }
      let report = FrontierReport(
        trials: trials, model: model, device: device, deviceName: latencyOn)
      if let take, let out { try write(report, take, out) }
      if input.json { try JSONOutput.write(report) } else { report.printTable() }
    }
  }

  private func write(_ report: FrontierReport, _ number: Int, _ out: String) throws {
    guard report.points.indices.contains(number - 1) else {
      throw ValidationError("--take takes a number of the frontier, 1 to \(report.points.count)")
    }
    try TextFile.write(report.points[number - 1].plan, to: out, replacing: overwrite)
  }
}
