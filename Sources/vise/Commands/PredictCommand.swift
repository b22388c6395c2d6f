import ArgumentParser
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseModels
import ViseTensor

/// Predicts what a plan costs without measuring it.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Predict size, quality and speed of a plan.")

  @Argument(help: "The model.")
  var model: String

  @Option(help: "The plan file.")
  var plan: String

  @Option(help: "The text the probe is taken from.")
  var text: String

  @OptionGroup var calibration: CalibrationOptions

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  /// As the workbench has it, so that both know the same effects and trials.
  private static let tokenLimit = 32_768

  private struct Provenances: Encodable {
    let bytes, klMean: String
    let prefillTokensPerSecond, decodeTokensPerSecond: String?
  }

  private struct Report: Encodable {
    let bytes: Int
    /// The file `bytes` is of.
    let target: String
    let klMean: Double
    let interval: [Double]?
    let intervalLevel: Double?
    /// What the interval rests on.
    let intervalBasis: String?
    /// True where the plan lies beyond what predictions hold for; `klMean` is then at least
    /// `validityLimit`.
    let isOutsideValidity: Bool
    let validityLimit: Double?
    let prefillTokensPerSecond, decodeTokensPerSecond: Double?
    let prefillInterval, decodeInterval: [Double]?
    /// What limits decoding.
    let bindingCeiling: String?
    let provenance: Provenances
    let substitutions: [SubstitutionEntry]
  }

  func run() throws {
    try CommandRunner.run(leavesNothing: true) {
      let model = try Model(path: model)
      let file = try PlanLoader.load(plan, model: model)
      let session = try options.session(model, calibration: try calibration.load(for: model))
      let quality = try predictQuality(file.plan, session)
      let meter = try LatencyMeter(session: session, files: MachineFiles.standard())
      try meter.prepare(file.plan, cancellation: Interrupt.flag)
      if !meter.isCalm {
        StandardError.write(
          "vise: warning: the machine is busy; speeds are lower than they would be\n")
      }
      let latency = meter.model.latency(of: file.plan)
      let report = report(
        sizes: model.sizeModel, plan: file.plan, quality: quality, latency: latency,
        substitutions: SubstitutionEntry.list(file))
      if json { try JSONOutput.write(report) } else { printSummary(report) }
    }
  }

  private func predictQuality(_ plan: Plan, _ session: ModelSession) throws -> QualityEstimate {
    let text = try TextLoader(model: session.model).load(
      path: text, windowLength: 64, limit: Self.tokenLimit)
    let predictor = try PlanPredictor(
      session: session, tokens: text.tokens, firstToken: text.firstToken,
      files: EffectFiles.standard(), recorder: .standard(origin: "predict"),
      cancellation: Interrupt.flag)
    let missing = predictor.missingEffects(of: plan)
    let progress = ProgressLine("probing site")
    for (index, (site, treatment)) in missing.enumerated() {
      try predictor.measureEffect(of: site, under: treatment, cancellation: Interrupt.flag)
      progress.report(index + 1, of: missing.count)
    }
    return try predictor.predict(plan, cancellation: Interrupt.flag)
  }

  private func report(
    sizes: SizeModel, plan: Plan, quality: QualityEstimate, latency: LatencyEstimate?,
    substitutions: [SubstitutionEntry]
  ) -> Report {
    let interval = quality.klMean.interval
    var limit: Double?
    if case .outside(let beyond) = quality.klMean.trust { limit = beyond }
    let decode = latency?.decodeSecondsPerToken
    let prefill = latency?.prefillTokensPerSecond
    return Report(
      bytes: sizes.byteCount(of: plan), target: sizes.target(of: plan).rawValue,
      klMean: quality.klMean.value,
      interval: interval.map { [$0.lower, $0.upper] }, intervalLevel: interval?.level,
      intervalBasis: quality.klMean.trust.map(Self.words), isOutsideValidity: limit != nil,
      validityLimit: limit,
      prefillTokensPerSecond: prefill?.value,
      decodeTokensPerSecond: decode.map { 1 / $0.value },
      prefillInterval: prefill?.interval.map { [$0.lower, $0.upper] },
      decodeInterval: decode?.interval.map { [1 / $0.upper, 1 / $0.lower] },
      bindingCeiling: latency?.bindingCeiling,
      provenance: Provenances(
        bytes: "exact", klMean: Self.words(quality.klMean.provenance),
        prefillTokensPerSecond: prefill.map { Self.speedWords($0.provenance) },
        decodeTokensPerSecond: decode.map { Self.speedWords($0.provenance) }),
      substitutions: substitutions)
  }

  private static func words(_ trust: Trust) -> String {
    switch trust {
    case .method(let trials): "the method's known error, \(trials) measured plans"
    case .trials(let count): "residuals of \(count) measured plans"
    case .neighbour: "a measured neighbour"
    case .outside: "none: outside what predictions hold for"
    }
  }

  private static func words(_ provenance: Provenance) -> String {
    switch provenance {
    case .exact: "exact"
    case .prior: "prior"
    case .predicted(let tokens): "predicted from \(tokens) probe tokens"
    case .measured(let tokens, let total): "measured on \(tokens) of \(total) tokens"
    }
  }

  private static func speedWords(_ provenance: Provenance) -> String {
    switch provenance {
    case .exact, .prior: "from kernels timed on this machine, the model itself was not"
    case .predicted: "predicted from the model as loaded and kernels, timed on this machine"
    case .measured: "measured on this machine"
    }
  }

  private func printSummary(_ report: Report) {
    for entry in report.substitutions { StandardError.write(entry.sentence + "\n") }
    print("size      \(report.bytes) bytes, \(report.provenance.bytes), as \(report.target)")
    print("KL mean   \(report.klMean) nats, \(report.provenance.klMean)")
    if let interval = report.interval, let level = report.intervalLevel {
      let basis = report.intervalBasis ?? "the probe"
      print("          \(Int(level * 100)) % interval \(interval), from \(basis)")
    }
    if let limit = report.validityLimit {
      print("          outside what predictions hold for: \(limit) nats or more")
    }
    if let decode = report.decodeTokensPerSecond, let prefill = report.prefillTokensPerSecond {
      print("speed     decode \(decode), prefill \(prefill) tokens/s")
      print("          \(report.provenance.decodeTokensPerSecond ?? "")")
    }
  }
}
