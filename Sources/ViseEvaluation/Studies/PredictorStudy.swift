import Glibc
public import ViseCompression
import ViseEstimates
import ViseModels
public import ViseTensor

/// Compares predictions with measurements over random plans.
public struct PredictorStudy {
  /// One plan's figures, in nats.
  public struct Row: Sendable {
    public let treatedSites: Int
    public let predicted: Double
    /// The standard error of log `predicted` from the probe's few tokens.
    public let deviation: Double
    /// The plan run on the very tokens of the probe.
    public let onProbe: Double
    /// The standard error of log `onProbe` from those few tokens.
    public let onProbeDeviation: Double
    /// The plan run on the evaluation windows.
    public let measured: Double
    let outline: PlanOutline
    /// A plan that differs at a few sites.
    let neighbour: Neighbour?
  }

  struct Neighbour: Sendable {
    let predicted: Double
    let measured: Double
    let outline: PlanOutline
  }

  /// How well predictions agree with one kind of measurement.
  public struct Agreement: Sendable {
    public let spearman: Double
    /// Mean and standard deviation of log(predicted / measured).
    public let meanLogError: Double
    public let logErrorDeviation: Double
    public let medianAbsoluteLogError: Double
  }

  private let session: ModelSession
  private let predictor: PlanPredictor
  private let evaluator: PlanEvaluator
  private let cancellation: CancellationFlag

  public init(
    session: ModelSession, predictor: PlanPredictor, evaluator: PlanEvaluator,
    cancellation: CancellationFlag
  ) {
    self.session = session
    self.predictor = predictor
    self.evaluator = evaluator
    self.cancellation = cancellation
  }

  /// Random plans: each treats between 20 and 100 % of the sites, each with one of `formats` that
  /// fits and is no finer than what the file stores.
  public static func plans(
    _ count: Int, sites: [Site], formats: [NumberFormat], seed: UInt64
  ) -> [Plan] {
    var random = RandomSource(seed: seed)
    let choices = sites.map { site in
      formats.filter {
        $0.byteCount(rows: site.rows, columns: site.columns) != nil
          && $0 != .ggml(site.stored)
      }
    }
    return (0..<count).map { _ in
      let share = 0.2 + 0.8 * random.nextUnit()
      var plan = Plan()
      for site in sites where random.nextUnit() < share {
        if let format = choices[site.index].randomElement(using: &random) {
          plan[site.name] = Treatment(format: format)
        }
      }
      return plan
    }
  }

  /// Random plans over `options`, those of each site in turn from mild to harsh.
  ///
  /// Each treats between 20 and 100 % of the sites and leans, by a draw of its own, to the milder or
  /// the harsher of a site's options, so that plans differ in kind and not only in number.
  public static func plans(
    _ count: Int, sites: [Site], options: [[Treatment]], seed: UInt64
  ) -> [Plan] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in
      let share = 0.2 + 0.8 * random.nextUnit()
      let lean = exp2(4 * random.nextUnit() - 2)
      var plan = Plan()
      for (site, choices) in zip(sites, options) where random.nextUnit() < share {
        let index = Int(Double(choices.count) * pow(random.nextUnit(), lean))
        if choices.indices.contains(index) { plan[site.name] = choices[index] }
      }
      return plan
    }
  }

  /// Each plan with one to three of its sites treated otherwise.
  public static func neighbours(
    of plans: [Plan], sites: [Site], options: [[Treatment]], seed: UInt64
  ) -> [Plan] {
    var random = RandomSource(seed: seed)
    let changeable = sites.indices.filter { !options[$0].isEmpty }
    return plans.map { plan in
      var edited = plan
      let count = Int.random(in: 1...3, using: &random)
      for index in changeable.shuffled(using: &random).prefix(count) {
        let name = sites[index].name
        let others = ([.keep] + options[index]).filter { $0 != plan[name] }
        edited[name] = others.randomElement(using: &random) ?? .keep
      }
      return edited
    }
  }

  /// Predicts and measures each plan, and the neighbours of the first ones; `progress` gets the
  /// pieces of work done and their number.
  public func run(
    _ plans: [Plan], neighbours: [Plan] = [], progress: (Int, Int) -> Void
  ) throws -> [Row] {
    var missing: Set<Missing> = []
    for plan in plans + neighbours {
      for (site, treatment) in predictor.missingEffects(of: plan) {
        missing.insert(Missing(site: site, treatment: treatment))
      }
    }
    let total = missing.count + plans.count
    var done = 0
    for effect in missing.sorted(by: { $0.site.index < $1.site.index }) {
      try predictor.measureEffect(
        of: effect.site, under: effect.treatment, cancellation: cancellation)
      done += 1
      progress(done, total)
    }
    return try plans.enumerated().map { index, plan in
      let neighbour = neighbours.indices.contains(index) ? neighbours[index] : nil
      let row = try measure(plan, neighbour: neighbour)
      done += 1
      progress(done, total)
      return row
    }
  }

  private struct Missing: Hashable {
    let site: Site
    let treatment: Treatment
  }

  private func measure(_ plan: Plan, neighbour: Plan?) throws -> Row {
    let prediction = try predictor.superpose(plan, cancellation: cancellation)
    let run = try predictor.runOnProbe(plan, cancellation: cancellation)
    let measured = try measuredKL(of: plan)
    let edited = try neighbour.map { plan in
      Neighbour(
        predicted: try predictor.superpose(plan, cancellation: cancellation).mean,
        measured: try measuredKL(of: plan), outline: predictor.outline(of: plan))
    }
    return Row(
      treatedSites: plan.treatments.count, predicted: prediction.mean,
      deviation: prediction.relativeDeviation,
      onProbe: run.mean, onProbeDeviation: run.relativeDeviation,
      measured: measured, outline: predictor.outline(of: plan), neighbour: edited)
  }

  private func measuredKL(of plan: Plan) throws -> Double {
    let scores = try evaluator.measure(
      plan, windows: 0..<evaluator.text.windowCount, cancellation: cancellation)
    return MeasuredQuality(scores, windowLength: evaluator.text.windowLength).klMean.mean
  }

  /// Agreement of the rows' predictions with `value`.
  public static func agreement(_ rows: [Row], with value: (Row) -> Double) -> Agreement {
    let errors = rows.map { log($0.predicted / value($0)) }
    let mean = errors.reduce(0, +) / Double(errors.count)
    let variance = errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(errors.count - 1)
    return Agreement(
      spearman: spearmanCorrelation(rows.map(\.predicted), rows.map(value)), meanLogError: mean,
      logErrorDeviation: variance.squareRoot(),
      medianAbsoluteLogError: LogCorrection.median(errors.map(abs)))
  }
}
