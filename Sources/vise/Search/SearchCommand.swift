import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseModels
import ViseSearch
import ViseTensor

/// Finds the best plan under a budget.
struct SearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find the best plan within limits on size, latency, memory or quality.",
    discussion: """
      What layers lose is measured on a probe of the text, plans are measured on its first windows, \
      and the result is compared with llama.cpp's presets on windows that had no share in the \
      choice. A search that was stopped goes on where it was when it is started again with the \
      same arguments; --fresh begins anew. With --trials the result follows from the seed alone; \
      how many plans --seconds leaves time for depends on the machine.
      """)

  @OptionGroup var input: ModelArguments

  @OptionGroup var limits: BudgetOptions

  @OptionGroup var choices: SpaceOptions

  @Option(help: "The text plans are measured on.")
  var text: String

  @OptionGroup var calibration: CalibrationOptions

  @Option(help: "How plans are looked for: \(Self.strategies).")
  var strategy = StrategyName.standard.rawValue

  @Option(help: "Seconds to look for a plan, what layers lose included.")
  var seconds: Double?

  @Option(help: "Full measurements to spend, in place of --seconds.")
  var trials: Int?

  @Option(help: "Where random choices start from.")
  var seed: UInt64 = 1

  @Option(help: "Tokens of a window; its second half is scored.")
  var window = 512

  @Option(
    help: """
      Windows plans are chosen by, at most half of the text; the rest judges the result. By default \
      one for ten seconds, at least 16.
      """)
  var windows: Int?

  @Option(help: "Use at most this many tokens of the text.")
  var limit = 32_768

  @Option(help: "Where to write the plan.")
  var out: String?

  @Flag(help: "Replace an existing file.")
  var overwrite = false

  @Flag(help: "Forget what an earlier, stopped search of this kind measured.")
  var fresh = false

  @OptionGroup var executor: ExecutorOptions

  @OptionGroup var options: RunOptions

  private static let standardSeconds = 300.0
  private static let strategies = StrategyName.withinLimits.map(\.rawValue).joined(
    separator: ", ")

  func validate() throws {
    if !StrategyName.withinLimits.contains(where: { $0.rawValue == strategy }) {
      throw ValidationError("--strategy takes \(Self.strategies)")
    }
    if seconds != nil, trials != nil { throw ValidationError("pass --seconds or --trials") }
    if let seconds, !(seconds > 0 && seconds < 1e7) {
      throw ValidationError("--seconds takes a positive number")
    }
    if let trials, !(1...1_000_000).contains(trials) {
      throw ValidationError("--trials takes a positive number")
    }
    guard (4...1 << 20).contains(window) else {
      throw ValidationError("--window takes 4 or more tokens")
    }
    guard windows ?? 1 >= 1 else { throw ValidationError("--windows takes a positive number") }
    guard limit >= window else { throw ValidationError("--limit is less than one window") }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: input.model)
      let statistics = try calibration.load(for: model)
      let session = try options.session(model, calibration: statistics)
      let tokens = try TextLoader(model: model).load(
        path: text, windowLength: window, limit: limit)
      try CalibrationOptions.check(statistics, against: tokens)
      let windows = windows ?? SearchTexts.selectionWindows(seconds: timeLimit)
      let texts = SearchTexts(tokens, selectionWindows: windows)
      let runner = SearchRunner(
        session: session, request: try request(for: model), texts: texts,
        klFloor: limits.maxKl, isFresh: fresh, executor: executor,
        task: SearchTask(
          model: input.model, text: text, calibration: calibration.calibration, window: window,
          limit: limit, selectionWindows: windows, options: options,
          identity: SearchTask.identity(session, texts.selection)))
      let result = try runner.run(cancellation: Interrupt.flag)
      let plan = PlanFile.text(of: result.plan, sites: model.sites)
      if let out { try TextFile.write(plan, to: out, replacing: overwrite) }
      let report = SearchReport(result, planText: plan, out: out)
      if input.json {
        try JSONOutput.write(report)
      } else {
        report.printSummary(hasFile: out != nil)
      }
      if report.meetsMaxKl == false { throw ExitCode(1) }
    }
  }

  private func request(for model: Model) throws -> SearchRequest {
    let costs = try SearchCosts(model: model, limits: limits).costs(
      of: try choices.space(for: model))
    let goal: SearchGoal =
      limits.isFloorOnly ? limits.maxKl.map { .leastCost(floor: $0) } ?? .leastLoss : .leastLoss
    let name: StrategyName =
      limits.isFloorOnly ? .floor : StrategyName(rawValue: strategy) ?? .standard
    return SearchRequest(
      costs: costs, goal: goal, strategy: name,
      limits: SearchLimits(seconds: timeLimit, trials: trials), seed: seed)
  }

  private var timeLimit: Double? { trials == nil ? seconds ?? Self.standardSeconds : nil }
}

/// Cost models of the limits a command names.
struct SearchCosts {
  let model: Model
  let limits: BudgetOptions

  func costs(of space: SearchSpace) throws -> SpaceCosts {
    var models = [CostModel.bytes(model.sizeModel)]
    if let name = limits.latencyOn {
      models += try DeviceCosts(model: model, device: name, context: limits.context).models()
    }
    return try SpaceCosts(space: space, budget: limits.budget(for: model), models: models)
  }
}
