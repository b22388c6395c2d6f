import ArgumentParser
import ViseCompression
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

/// The frontier as `vise frontier` prints it.
struct FrontierReport: Encodable {
  struct Point: Encodable {
    let bytes: Int
    let klMean: Double
    let interval: [Double]?
    let tokens: Int
    /// On the device asked for: a prior.
    let decodeSeconds: Double?
    let origin: String
    /// The plan as TOML.
    let plan: String
  }

  let device: String?
  /// Names the text all these were measured on.
  let text: String?
  let points: [Point]
  /// Measured plans that some other beats.
  let beaten: [Point]

  init(trials: [Trial], model: Model, device: CostModel?, deviceName: String?) {
    self.device = deviceName
    let chosen = Self.comparable(trials)
    text = chosen.first?.key.text
    let all = chosen.compactMap { Self.point($0, model, device) }
    let frontier = Frontier(
      all.enumerated().map { index, point in
        FrontierPoint(
          index: index, costs: [Double(point.bytes)] + (point.decodeSeconds.map { [$0] } ?? []),
          loss: point.klMean, lower: point.interval?[0], upper: point.interval?[1])
      })
    points = frontier.points.map { all[$0.index] }
    beaten = frontier.beaten.map { all[$0.index] }
  }

  /// Trials that differ in nothing but the plan: those of the text and setting with most of them.
  private static func comparable(_ trials: [Trial]) -> [Trial] {
    let groups = Dictionary(grouping: trials) { trial in
      [trial.key.text, trial.key.setting, trial.key.code]
    }
    return groups.max { a, b in
      (a.value.count, b.key.joined()) < (b.value.count, a.key.joined())
    }?.value ?? []
  }

  private static func point(_ trial: Trial, _ model: Model, _ device: CostModel?) -> Point? {
    guard let file = try? PlanFile(text: trial.plan, sites: model.sites) else { return nil }
    return Point(
      bytes: model.sizeModel.byteCount(of: file.plan), klMean: trial.klMean.value,
      interval: trial.klMean.lower.flatMap { lower in trial.klMean.upper.map { [lower, $0] } },
      tokens: trial.tokenCount, decodeSeconds: device?.cost(file.plan), origin: trial.origin,
      plan: trial.plan)
  }

  func printTable() {
    guard !points.isEmpty else {
      print("No plan of this model was measured; vise search and vise measure do that.")
      return
    }
    print("  #       bytes   KL mean    ±        tokens")
    for (index, point) in points.enumerated() {
      let half = point.interval.map { ($0[1] - $0[0]) / 2 }
      print(
        "\(Self.padded("\(index + 1)", 3))  \(Self.padded("\(point.bytes)", 10))  "
          + "\(Self.figure(point.klMean))  \(half.map(Self.figure) ?? "–")  \(point.tokens)")
    }
    print("\(beaten.count) measured plans are beaten; --take N --out PLAN writes one.")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func figure(_ value: Double) -> String {
    "\((value * 1e6).rounded() / 1e6)"
  }
}
