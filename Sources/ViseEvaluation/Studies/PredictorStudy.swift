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
    /// Lower and upper end of the prediction's interval.
    public let interval: [Double]?
    /// The plan run on the very tokens of the probe.
    public let onProbe: Double
    /// The plan run on the evaluation windows.
    public let measured: Double
  }

  /// How well predictions agree with one kind of measurement.
  public struct Agreement: Sendable {
    public let spearman: Double
    /// Mean and standard deviation of log(predicted / measured).
    public let meanLogError: Double
    public let logErrorDeviation: Double
    public let medianAbsoluteLogError: Double
    /// Share of measurements inside the prediction's interval.
    public let coverage: Double
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

  /// Predicts and measures each plan; `progress` gets the pieces of work done and their number.
  public func run(_ plans: [Plan], progress: (Int, Int) -> Void) throws -> [Row] {
    var missing: Set<Missing> = []
    for plan in plans {
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
    return try plans.map { plan in
      let row = try measure(plan)
      done += 1
      progress(done, total)
      return row
    }
  }

  private struct Missing: Hashable {
    let site: Site
    let treatment: Treatment
  }

  private func measure(_ plan: Plan) throws -> Row {
    let prediction = try predictor.predict(plan, cancellation: cancellation).klMean
    let scores = try evaluator.measure(
      plan, windows: 0..<evaluator.text.windowCount, cancellation: cancellation)
    let quality = MeasuredQuality(scores, windowLength: evaluator.text.windowLength)
    return Row(
      treatedSites: plan.treatments.count, predicted: prediction.value,
      interval: prediction.interval.map { [$0.lower, $0.upper] },
      onProbe: try predictor.measureOnProbe(plan, cancellation: cancellation),
      measured: quality.klMean.mean)
  }

  /// Agreement of the rows' predictions with `value`.
  public static func agreement(_ rows: [Row], with value: (Row) -> Double) -> Agreement {
    let errors = rows.map { log($0.predicted / value($0)) }
    let mean = errors.reduce(0, +) / Double(errors.count)
    let variance = errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(errors.count - 1)
    let inside = rows.count { row in
      guard let interval = row.interval else { return false }
      return interval[0] <= value(row) && value(row) <= interval[1]
    }
    return Agreement(
      spearman: spearmanCorrelation(rows.map(\.predicted), rows.map(value)), meanLogError: mean,
      logErrorDeviation: variance.squareRoot(),
      medianAbsoluteLogError: errors.map(abs).sorted()[errors.count / 2],
      coverage: Double(inside) / Double(rows.count))
  }
}
