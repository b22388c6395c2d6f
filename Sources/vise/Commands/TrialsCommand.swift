import ArgumentParser
import FoundationEssentials
import ViseEvaluation
import ViseGraphs
import ViseModels
import ViseTrials

/// Lists what was measured of a model.
struct TrialsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trials", abstract: "List the measured plans of a model, newest first.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: "At most this many.")
  var limit = 50

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Entry: Encodable {
    let date, origin, plan, code: String
    /// The plan as TOML.
    let toml: String
    let tokens: Int
    let klMean: Double
    let interval: [Double]?
    let intervalLevel, perplexityRatio, top1Agreement: Double?
    /// Before any correction, as it was foretold when the plan was measured.
    let predictedKlMean: Double?

    init(_ trial: Trial) {
      date = Date(timeIntervalSince1970: trial.date).formatted(.iso8601)
      origin = trial.origin
      plan = trial.key.plan
      code = trial.key.code
      toml = trial.plan
      tokens = trial.tokenCount
      klMean = trial.klMean.value
      interval = trial.klMean.lower.flatMap { lower in trial.klMean.upper.map { [lower, $0] } }
      intervalLevel = trial.klMean.level
      perplexityRatio = trial.perplexityRatio?.value
      top1Agreement = trial.agreement?.value
      predictedKlMean = trial.prediction?.throughHead
    }

    enum CodingKeys: String, CodingKey {
      case date, origin, plan, code, toml, tokens, klMean, interval, intervalLevel
      case perplexityRatio, predictedKlMean
      case top1Agreement = "top1_agreement"
    }
  }

  private struct Report: Encodable {
    let store: String
    let trials: [Entry]
  }

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit takes a positive number") }
  }

  func run() throws {
    try CommandRunner.run {
      let graph =
        GraphModel.accepts(path: model)
        ? try GraphModel.open(path: model).foldingNormalizations() : nil
      let fingerprint = try graph.map(GraphFingerprint.compute) ?? Model(path: model).fingerprint
      guard let folder = TrialStore.standardFolder() else { throw InputError.noTrialStore }
      let store = try TrialStore(path: "\(folder)/\(TrialStore.fileName)")
      let trials = try store.trials(model: fingerprint, limit: limit).map(Entry.init)
      if json {
        try JSONOutput.write(Report(store: store.path, trials: trials))
      } else {
        for trial in trials { Self.summarize(trial, graph == nil ? "tokens" : "images") }
      }
    }
  }

  private static func summarize(_ trial: Entry, _ units: String) {
    let sites = trial.toml.split(separator: "\n").count { $0.hasPrefix("\"") }
    print(
      "\(trial.date)  \(trial.origin)  \(trial.plan.prefix(8))  \(sites) sites  "
        + "KL \(trial.klMean) nats on \(trial.tokens) \(units)")
  }
}
