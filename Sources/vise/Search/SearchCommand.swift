import ArgumentParser
import ViseCompression
import ViseEvaluation
import ViseFormats
import ViseGraphs
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
  var text: String?

  @OptionGroup var imageOptions: ImageOptions

  @OptionGroup var calibration: CalibrationOptions

  @Option(
    help: """
      How plans are looked for: \(Self.strategies); by default \(StrategyName.standard.rawValue), and \
      \(StrategyName.graphStandard.rawValue) for ONNX.
      """)
  var strategy: String?

  @Option(help: "Seconds to look for a plan, what layers lose included.")
  var seconds: Double?

  @Option(help: "Full measurements to spend, in place of --seconds.")
  var trials: Int?

  @Option(help: "Where random choices start from.")
  var seed: UInt64 = 1

  @Option(
    help: """
      Tokens of a window, 512 by default; its second half is scored. For ONNX, images of a window, 128 \
      by default.
      """)
  var window: Int?

  @Option(
    help: """
      Windows plans are chosen by, at most half of the text; the rest judges the result. By default \
      one for ten seconds, at least 16.
      """)
  var windows: Int?

  @Option(help: "Use at most this many tokens of the text, 32768 by default, or images.")
  var limit: Int?

  @Option(help: "Where to write the plan.")
  var out: String?

  @Flag(help: "Replace an existing file.")
  var overwrite = false

  @Flag(help: "Forget what an earlier, stopped search of this kind measured.")
  var fresh = false

  @OptionGroup var executor: ExecutorOptions

  @OptionGroup var options: RunOptions

  private static let standardSeconds = 300.0
  private static let standardLimit = 32_768
  private static let standardWindow = 512
  private static let strategies = StrategyName.withinLimits.map(\.rawValue).joined(
    separator: ", ")

  func validate() throws {
    if let strategy, !StrategyName.withinLimits.contains(where: { $0.rawValue == strategy }) {
      throw ValidationError("--strategy takes \(Self.strategies)")
    }
    if seconds != nil, trials != nil { throw ValidationError("pass --seconds or --trials") }
    if let seconds, !(seconds > 0 && seconds < 1e7) {
      throw ValidationError("--seconds takes a positive number")
    }
    if let trials, !(1...1_000_000).contains(trials) {
      throw ValidationError("--trials takes a positive number")
    }
    guard text == nil || imageOptions.data == nil else {
      throw ValidationError("--text is for language models, --data for ONNX classifiers")
    }
    guard (4...1 << 20).contains(window ?? Self.standardWindow) else {
      throw ValidationError("--window takes 4 or more")
    }
    guard windows ?? 1 >= 1 else { throw ValidationError("--windows takes a positive number") }
    guard limit ?? .max >= window ?? (text == nil ? 4 : Self.standardWindow) else {
      throw ValidationError("--limit is less than one window")
    }
    if text == nil {
      try validateGraph()
    } else if limits.limitsWork {
      throw ValidationError("--macs and --speedup are of ONNX models")
    }
  }

  /// What a search of an ONNX classifier can be asked for.
  private func validateGraph() throws {
    guard GraphModel.accepts(path: input.model) else {
      throw ValidationError("a language model is searched on --text, an ONNX classifier on --data")
    }
    if limits.latencyOn != nil {
      throw ValidationError(
        "--latency and --memory-limit are those of language models; an ONNX model is searched "
          + "within --size, --bits-per-weight, --macs, --speedup or --max-kl")
    }
    if executor.executor != .local {
      throw ValidationError("ONNX models are searched with --executor local alone")
    }
  }

  func run() throws {
    try CommandRunner.run {
      guard let text else { return try searchGraph() }
      let model = try Model(path: input.model)
      let statistics = try calibration.load(for: model)
      let session = try options.session(model, calibration: statistics)
      let (window, limit) = (window ?? Self.standardWindow, limit ?? Self.standardLimit)
      let tokens = try TextLoader(model: model).load(
        path: text, windowLength: window, limit: limit)
      try CalibrationOptions.check(statistics, against: tokens)
      let texts = SearchTexts(tokens, selectionWindows: selectionWindows)
      let runner = SearchRunner(
        session: session, request: try request(for: model), texts: texts,
        klFloor: limits.maxKl, isFresh: fresh, executor: executor,
        task: SearchTask(
          model: input.model, text: text, calibration: calibration.calibration, window: window,
          limit: limit, selectionWindows: selectionWindows, options: options,
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

  private func searchGraph() throws {
    let model = try GraphModel.open(path: input.model).foldingNormalizations()
    let images = try imageOptions.images(
      for: model, limit: limit, byteLimit: options.memoryByteCount)
    let statistics = try calibration.calibration.map {
      try GraphCalibrationFile(path: $0, model: model)
    }
    try statistics?.check(against: images)
    let sites = model.sites.map(\.site)
    let sizes = SizeModel(onnx: try GraphSizes(model), sites: sites)
    let costs = try graphCosts(model, images, sizes)
    let runner = GraphSearchRunner(
      model: model, sizes: sizes, request: request(costs),
      images: SearchImages(
        images.shuffled(), windowLength: window ?? SearchImages.standardLength,
        selectionWindows: selectionWindows),
      calibration: statistics, klFloor: limits.maxKl, isFresh: fresh, options: options)
    let result = try runner.run(cancellation: Interrupt.flag)
    let plan = PlanFile.text(of: result.plan, sites: sites)
    if let out { try TextFile.write(plan, to: out, replacing: overwrite) }
    let report = GraphSearchReport(result, planText: plan, out: out)
    if input.json { try JSONOutput.write(report) } else { report.printSummary(hasFile: out != nil) }
    if report.meetsMaxKl == false { throw ExitCode(1) }
  }

  /// Bytes, and what an image takes to compute where that is limited.
  private func graphCosts(
    _ model: GraphModel, _ images: LabelledImages, _ sizes: SizeModel
  ) throws -> SpaceCosts {
    var models = [CostModel.bytes(sizes)]
    var work: GraphTimePrior?
    if limits.limitsWork {
      let prior = try GraphTimePrior(
        model, input: images.batch(0..<1),
        context: GraphContext(
          pool: nil, memory: nil, byteLimit: options.memoryByteCount, cancellation: Interrupt.flag))
      models.append(CostModel(.macs) { Double(prior.macs(of: $0)) })
      models.append(CostModel(.relativeTime) { prior.ratio(of: $0) })
      work = prior
    }
    return try SpaceCosts(
      space: try choices.space(for: model, sizes: sizes, standard: limits.workTreatments),
      budget: limits.budget(sites: model.sites.map(\.site), sizes: sizes, modelMacs: work?.macs),
      models: models)
  }

  private var selectionWindows: Int {
    windows ?? SearchTexts.selectionWindows(seconds: timeLimit)
  }

  private func request(for model: Model) throws -> SearchRequest {
    try request(
      SearchCosts(model: model, limits: limits).costs(of: try choices.space(for: model)))
  }

  private func request(_ costs: SpaceCosts) -> SearchRequest {
    let goal: SearchGoal =
      limits.isFloorOnly ? limits.maxKl.map { .leastCost(floor: $0) } ?? .leastLoss : .leastLoss
    let name: StrategyName =
      limits.isFloorOnly
      ? .floor
      : strategy.flatMap(StrategyName.init(rawValue:)) ?? (text == nil ? .graphStandard : .standard)
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
    return try SpaceCosts(
      space: space, budget: limits.budget(sites: model.sites, sizes: model.sizeModel),
      models: models)
  }
}
