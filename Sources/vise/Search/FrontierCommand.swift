import ArgumentParser
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseSearch
import ViseTensor
import ViseTrials

/// Shows which measured plans of a model no other beats.
struct FrontierCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frontier",
    abstract: "The measured plans of a model that no other surely beats in size and quality.",
    discussion: """
      Plans are those measured on one text, or on one set of images, that most plans were measured \
      on. A plan \
      is beaten by one that costs no more and whose interval lies below its own; plans within each \
      other's intervals are not ranked. Plans of ONNX models are also compared by their MACs.
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
      if GraphModel.accepts(path: input.model) { return try showGraph() }
      let model = try Model(path: input.model)
      let trials = try trials(of: model.fingerprint)
      let device = try latencyOn.map {
        try DeviceCosts(model: model, device: $0, context: context).models()[0]
      }
      let report = FrontierReport(
        trials: trials, model: model, device: device, deviceName: latencyOn)
      try writeTaken(of: report.points.map(\.plan))
      if input.json { try JSONOutput.write(report) } else { report.printTable() }
    }
  }

  private func showGraph() throws {
    guard latencyOn == nil else { throw InputError.notForONNX(only: "no --latency-on") }
    let model = try GraphModel.open(path: input.model).foldingNormalizations()
    let report = try GraphFrontierReport(
      trials: trials(of: GraphFingerprint.compute(model)), model: model,
      costs: GraphPlanCosts(
        model, pool: ComputePool(), byteLimit: RunOptions.physicalMemory / 2))
    try writeTaken(of: report.points.map(\.plan))
    if input.json { try JSONOutput.write(report) } else { report.printTable() }
  }

  private func trials(of fingerprint: String) throws -> [Trial] {
    guard let folder = TrialStore.standardFolder() else { throw InputError.noTrialStore }
    let store = try TrialStore(path: "\(folder)/\(TrialStore.fileName)")
    return try store.trials(model: fingerprint, limit: limit)
  }

  private func writeTaken(of plans: [String]) throws {
    guard let take, let out else { return }
    guard plans.indices.contains(take - 1) else {
      throw ValidationError("--take takes a number of the frontier, 1 to \(plans.count)")
    }
    try TextFile.write(plans[take - 1], to: out, replacing: overwrite)
  }
}
