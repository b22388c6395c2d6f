import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseSearch

/// What a search of an ONNX classifier found, as `vise search` prints it.
struct GraphSearchReport: Encodable {
  /// A plan that treats all layers alike.
  struct Preset: Encodable {
    let name: String
    let bytes: Int
    let klMean: Double
    let interval: [Double]?
    let top1: Double
    /// Its mean KL less the plan's, image by image, with the interval.
    let difference: Double
    let differenceInterval: [Double]?
    /// The found plan's share of right images less its own, on the same images.
    let top1Gain: Double
    let top1GainInterval: [Double]?
    /// `better`, `worse`, `identical` or `undecided`: the found plan against it, by KL.
    let plan: String

    enum CodingKeys: String, CodingKey {
      case name, bytes, klMean, interval, top1, difference, differenceInterval, plan
      case top1Gain = "top1_gain"
      case top1GainInterval = "top1_gain_interval"
    }
  }

  struct Limit: Encodable {
    let resource: String
    let used: Double
    let limit: Double
    let provenance: String
  }

  struct Point: Encodable {
    let seconds, klMean: Double
  }

  /// The plan as TOML.
  let plan: String
  let out: String?
  /// Of the exported file, and of the model's own.
  let bytes, referenceBytes: Int
  /// Mean KL in nats, its interval, and the images it was measured on.
  let klMean: Double
  let interval: [Double]?
  let intervalLevel = 0.9
  let images: Int
  /// `verification` images had no share in the choice; `selection` images made it.
  let measuredOn: String
  /// On the images plans were chosen by: the least of many, and so too hopeful.
  let selectionKlMean: Double
  /// Shares of right images, and of images for which plan and reference name the same class.
  let top1, referenceTop1, top1Agreement: Double
  /// The plan's share of right images less the reference's, on the same images.
  let top1Difference: Double
  let top1DifferenceInterval: [Double]?
  let limits: [Limit]
  /// The largest uniform plan that keeps the limits.
  let preset: Preset?
  let presets: [Preset]
  /// The uniform treatment that took the plan's place because it measured better.
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
    case plan, out, bytes, referenceBytes, klMean, interval, intervalLevel, images, measuredOn
    case selectionKlMean, top1, limits, preset, presets, adoptedPreset, meetsMaxKl
    case trials, measuredWindows, surveyedOptions, options, strategy, seed, seconds, curve
    case referenceTop1 = "reference_top1"
    case top1Agreement = "top1_agreement"
    case top1Difference = "top1_difference"
    case top1DifferenceInterval = "top1_difference_interval"
  }

  init(_ result: GraphSearchRunner.Result, planText: String, out: String?) {
    let scores = result.scores
    plan = planText
    self.out = out
    bytes = result.byteCount
    referenceBytes = result.referenceByteCount
    klMean = scores.divergence.mean
    interval = Self.bounds(scores.divergence)
    images = scores.count
    measuredOn = result.isVerified ? "verification" : "selection"
    selectionKlMean = result.selectionLoss
    top1 = scores.top1.mean
    referenceTop1 = Double(scores.referenceHits) / Double(scores.count)
    top1Agreement = scores.agreement.mean
    top1Difference = scores.top1Difference.mean
    top1DifferenceInterval = Self.bounds(scores.top1Difference)
    let costs = result.request.costs
    let used = costs.costs(of: result.plan)
    limits = costs.resources.indices.filter { costs.limits[$0].isFinite }.map { index in
      let resource = costs.resources[index]
      return Limit(
        resource: resource.rawValue,
        used: resource == .bytes ? Double(result.byteCount) : used[index],
        limit: costs.limits[index], provenance: resource == .relativeTime ? "prior" : "exact")
    }
    presets = result.rivals.map(Preset.init)
    preset = presets.first
    adoptedPreset = result.adopted?.name
    meetsMaxKl = result.klFloor.map { scores.divergence.mean <= $0 }
    trials = result.progress.trials
    measuredWindows = result.progress.windows
    surveyedOptions = result.surveyed.measured
    options = result.surveyed.total
    strategy = result.request.strategy.rawValue
    seed = result.request.seed
    seconds = result.progress.seconds
    curve = result.curve.map { Point(seconds: $0.seconds, klMean: $0.loss) }
  }

  fileprivate static func bounds(_ mean: MeanInterval) -> [Double]? {
    mean.interval.map { [$0.lower, $0.upper] }
  }

  func printSummary(hasFile: Bool) {
    if !hasFile { print(plan) }
    func range(_ bounds: [Double]?) -> String { bounds.map { ", 90 % interval \($0)" } ?? "" }
    print("size      \(bytes) bytes, exact (reference \(referenceBytes))")
    for limit in limits where limit.resource != Resource.bytes.rawValue {
      print("\(limit.resource)  \(limit.used) of \(limit.limit), \(limit.provenance)")
    }
    print("KL mean   \(klMean) nats on \(images) \(measuredOn) images\(range(interval))")
    print("top-1     \(top1) (reference \(referenceTop1)); difference \(top1Difference)")
    if let bounds = top1DifferenceInterval { print("          90 % interval \(bounds)") }
    print("searched  \(trials) plans with \(strategy), seed \(seed)")
    if let adoptedPreset {
      print("No plan found beats \(adoptedPreset) for all layers, so that is the result.")
    }
    for preset in presets {
      print(
        "\(preset.name) for all  \(preset.bytes) bytes, KL \(preset.klMean), top-1 \(preset.top1): "
          + "the found plan is \(preset.plan)")
    }
    if meetsMaxKl == false { print("The measured divergence is above --max-kl.") }
  }
}

extension GraphSearchReport.Preset {
  init(_ rival: GraphSearchRunner.Rival) {
    func bounds(_ mean: MeanInterval) -> [Double]? { GraphSearchReport.bounds(mean) }
    self.init(
      name: rival.plan.treatment.name, bytes: rival.byteCount,
      klMean: rival.scores.divergence.mean, interval: bounds(rival.scores.divergence),
      top1: rival.scores.top1.mean, difference: rival.difference.mean,
      differenceInterval: bounds(rival.difference), top1Gain: rival.top1Difference.mean,
      top1GainInterval: bounds(rival.top1Difference), plan: Self.words(rival.verdict))
  }

  /// Of the found plan.
  private static func words(_ verdict: GraphSearchRunner.Rival.Verdict) -> String {
    switch verdict {
    case .identical: "identical"
    case .better: "worse"
    case .worse: "better"
    case .undecided: "undecided"
    }
  }
}
