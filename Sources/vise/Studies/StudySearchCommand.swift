import ArgumentParser
import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseModels
import ViseSearch
import ViseTensor

/// Compares search strategies at an equal number of measured plans.
struct StudySearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Compare search strategies on the same budget of measurements, several seeds each.")

  @OptionGroup var input: ModelArguments

  @OptionGroup var limits: BudgetOptions

  @OptionGroup var choices: SpaceOptions

  @Option(help: "The text plans are measured on.")
  var text: String

  @OptionGroup var calibration: CalibrationOptions

  @Option(help: "Full measurements each run may spend.")
  var trials = 40

  @Option(help: "Runs of each strategy, with seeds from 1.")
  var seeds: UInt64 = 5

  @Option(help: "Windows of 512 tokens that plans are measured on.")
  var windows = 8

  @Option(parsing: .upToNextOption, help: "Strategies; all by default.")
  var strategies: [String] = []

  @OptionGroup var options: RunOptions

  private struct Row: Encodable {
    let strategy: String
    let losses: [Double]
    let mean: Double
    let interval: [Double]?
    /// Over the mean of random search.
    let ratio: Double
    let winsOverRandom: Int
  }

  private struct Report: Encodable {
    let trials: Int
    let seeds: UInt64
    let windows, units, options: Int
    let fitSeconds, fitGap, exactSeconds: Double
    let rows: [Row]
  }

  func validate() throws {
    guard (1...10_000).contains(trials), (1...1000).contains(seeds), windows >= 1 else {
      throw ValidationError("--trials, --seeds and --windows take positive numbers")
    }
    let known = StrategyName.withinLimits.map(\.rawValue)
    for name in strategies where !known.contains(name) {
      throw ValidationError("\(name) is no strategy within limits")
    }
  }

  func run() throws {
    try CommandRunner.run {
      let model = try Model(path: input.model)
      let session = try options.session(model, calibration: try calibration.load(for: model))
      let text = try TextLoader(model: model).load(
        path: text, windowLength: 512, limit: windows * 512)
      let costs = try SearchCosts(model: model, limits: limits).costs(
        of: try choices.space(for: model))
      let problem = try survey(session, text, costs)
      let study = StrategyStudy(
        problem: problem, space: costs.space,
        measuring: LocalMeasuring(PlanEvaluator(session: session, text: text)), trials: trials,
        seeds: 1...seeds)
      let fit = try study.fit()
      let names =
        strategies.isEmpty
        ? StrategyName.withinLimits : strategies.compactMap(StrategyName.init(rawValue:))
      let rows = try study.run(names, cancellation: Interrupt.flag) {
        StandardError.write("\($0.rawValue), seed \($1)\n")
      }
      let report = Report(
        trials: trials, seeds: seeds, windows: text.windowCount,
        units: costs.space.units.count,
        options: costs.space.units.reduce(0) { $0 + $1.options.count },
        fitSeconds: fit.seconds, fitGap: fit.gap, exactSeconds: fit.exactSeconds,
        rows: Self.rows(rows))
      if input.json { try JSONOutput.write(report) } else { Self.printTable(report) }
    }
  }

  private func survey(
    _ session: ModelSession, _ text: EvaluationText, _ costs: SpaceCosts
  ) throws -> SearchProblem {
    let predictor = try PlanPredictor(
      session: session, tokens: text.tokens, firstToken: text.firstToken,
      files: EffectFiles.standard(), cancellation: Interrupt.flag)
    var survey = OptionSurvey(
      space: costs.space, sites: session.model.sites, allocation: costs.problem,
      goal: .leastLoss, probing: predictor)
    while try survey.step(cancellation: Interrupt.flag) {}
    return try SearchSetup(
      sites: session.model.sites, costs: costs, windowCount: text.windowCount
    ).problem(losses: survey.losses)
  }

  private static func rows(_ rows: [StrategyStudy.Row]) -> [Row] {
    let means = rows.map { row in
      MeanInterval(sums: row.losses, weights: row.losses.map { _ in 1 })
    }
    return zip(rows, means).map { row, mean in
      Row(
        strategy: row.strategy.rawValue, losses: row.losses, mean: mean.mean,
        interval: mean.interval.map { [$0.lower, $0.upper] },
        ratio: mean.mean / (means.first?.mean ?? .nan), winsOverRandom: row.winsOverRandom)
    }
  }

  private static func printTable(_ report: Report) {
    print(
      "\(report.units) units, \(report.options) options; fit in \(report.fitSeconds * 1e3) ms, "
        + "\(report.fitGap * 100) % above the optimum (exact: \(report.exactSeconds * 1e3) ms)")
    print("best KL after \(report.trials) full measurements, \(report.seeds) seeds:")
    for row in report.rows {
      let range = row.interval.map { " \($0)" } ?? ""
      print(
        "\(row.strategy)  \(row.mean)\(range)  \(row.ratio) of random, "
          + "better with \(row.winsOverRandom) of \(report.seeds) seeds")
    }
  }
}
