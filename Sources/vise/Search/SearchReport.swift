import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseModels
import ViseSearch

/// What a search found, as `vise search` prints it.
struct SearchReport: Encodable {
  struct Preset: Encodable {
    let name: String
    let bytes: Int
    let klMean: Double?
    let interval: [Double]?
    /// The preset's mean KL less the plan's, window by window, with its interval.
    let difference: Double?
    let differenceInterval: [Double]?
    /// `better`, `worse`, `equivalent`, `identical` or `undecided`: the found plan against it.
    let plan: String
  }

  struct Limit: Encodable {
    let resource: String
    let used: Double
    let limit: Double?
    /// `exact`, or `prior` where it follows from published figures.
    let provenance: String
  }

  struct Point: Encodable {
    let seconds, klMean: Double
  }

  /// The plan as TOML.
  let plan: String
  let out: String?
  let bytes: Int
  /// Mean KL in nats, its interval, and the windows and tokens it was measured on.
  let klMean: Double
  let interval: [Double]?
  let intervalLevel: Double?
  let windows, tokens: Int
  /// `verification` windows had no share in the choice; `selection` windows made it.
  let measuredOn: String
  /// On the windows plans were chosen by: the least of many, and so too hopeful.
  let selectionKlMean: Double
  let perplexityRatio: Double
  let top1Agreement: Double
  let limits: [Limit]
  /// The nearest preset that keeps the limits.
  let preset: Preset?
  let presets: [Preset]
  /// The preset that took the plan's place because it measured better.
  let adoptedPreset: String?
  /// Whether the measured divergence keeps --max-kl.
  let meetsMaxKl: Bool?
  /// Plans measured on all windows, and windows measured altogether.
  let trials, measuredWindows: Int
  let surveyedOptions, options: Int
  let strategy: String
  let seed: UInt64
  let seconds: Double
  let curve: [Point]

  enum CodingKeys: String, CodingKey {
    case plan, out, bytes, klMean, interval, intervalLevel, windows, tokens, measuredOn
    case selectionKlMean, perplexityRatio, limits, preset, presets, adoptedPreset, meetsMaxKl
    case trials, measuredWindows, surveyedOptions, options, strategy, seed, seconds, curve
    case top1Agreement = "top1_agreement"
  }

  init(_ result: SearchRunner.Result, planText: String, out: String?) {
    let quality = result.verified ?? result.selection
    plan = planText
    self.out = out
    bytes = result.byteCount
    klMean = quality.klMean.mean
    interval = quality.klMean.interval.map { [$0.lower, $0.upper] }
    intervalLevel = quality.klMean.interval?.level
    windows = quality.windowCount
    tokens = quality.tokenCount
    measuredOn = result.verified == nil ? "selection" : "verification"
    selectionKlMean = result.selection.klMean.mean
    perplexityRatio = quality.perplexityRatio.mean
    top1Agreement = quality.top1Agreement.mean
    limits = result.costs.filter { $0.limit.isFinite }.map { cost in
      Limit(
        resource: cost.resource.rawValue, used: cost.used, limit: cost.limit,
        provenance: cost.resource == .bytes ? "exact" : "prior")
    }
    presets = result.rivals.map(Preset.init)
    preset = presets.first
    adoptedPreset = result.adopted?.rawValue
    meetsMaxKl = result.klFloor.map { quality.klMean.mean <= $0 }
    trials = result.progress.trials
    measuredWindows = result.progress.windows
    surveyedOptions = result.surveyed.measured
    options = result.surveyed.total
    strategy = result.request.strategy.rawValue
    seed = result.request.seed
    seconds = result.progress.seconds
    curve = result.curve.map { Point(seconds: $0.seconds, klMean: $0.loss) }
  }

  func printSummary(hasFile: Bool) {
    if !hasFile { print(plan) }
    print("size      \(bytes) bytes, exact")
    let range = interval.map { ", 90 % interval \($0)" } ?? ""
    print("KL mean   \(klMean) nats, measured on \(windows) \(measuredOn) windows\(range)")
    for limit in limits where limit.resource != Resource.bytes.rawValue {
      print("\(limit.resource)  \(limit.used), \(limit.provenance)")
    }
    print("searched  \(trials) plans with \(strategy), seed \(seed)")
    if let adoptedPreset {
      print("No plan found beats \(adoptedPreset), so that preset is the result.")
    }
    for preset in presets {
      print(
        "\(preset.name)  \(preset.bytes) bytes, KL \(preset.klMean ?? .nan): the found plan is "
          + preset.plan)
    }
    if meetsMaxKl == false { print("The measured divergence is above --max-kl.") }
  }
}

extension SearchReport.Preset {
  init(_ verification: SearchVerification) {
    let outcome = verification.outcome
    let difference = outcome.divergence?.paired
    self.init(
      name: verification.rival.preset.rawValue, bytes: verification.rival.byteCount,
      klMean: outcome.second.divergence?.mean,
      interval: outcome.second.divergence?.interval.map { [$0.lower, $0.upper] },
      difference: difference?.mean,
      differenceInterval: difference?.interval.map { [$0.lower, $0.upper] },
      plan: Self.words(outcome.verdict))
  }

  private static func words(_ verdict: Comparison.Verdict) -> String {
    switch verdict {
    case .identical: "identical"
    case .firstIsBetter: "better"
    case .secondIsBetter: "worse"
    case .equivalent: "equivalent"
    case .undecided: "undecided"
    }
  }
}
