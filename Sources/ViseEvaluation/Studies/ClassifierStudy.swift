public import ViseCompression
import ViseEstimates
import ViseGraphs
public import ViseTensor

/// Compares predictions for a classifier with measurements over random plans.
public struct ClassifierStudy {
  /// One plan's figures; KL in nats, drops as shares of the images.
  public struct Row: Sendable {
    public let treatedSites: Int
    public let prediction: ClassifierPredictor.Prediction
    /// What running the plan on the probe tells.
    public let run: DropCalibration.Outlook
    public let measuredDivergence: Double
    public let measuredDrop: Double
  }

  /// Figures of plans held out, after the others were learned from.
  public struct Learned: Sendable {
    public let trials: Int
    public let splits: Int
    /// Of predicted and measured drops.
    public let spearman: Double
    public let meanAbsoluteError: Double
    /// The share of measured drops inside their interval.
    public let coverage: Double
    public let meanWidth: Double
  }

  private let predictor: ClassifierPredictor
  private let evaluator: ClassifierEvaluator
  private let calibration: (any CalibrationSource)?
  private let cancellation: CancellationFlag

  /// - Parameter evaluator: on all images plans are measured on.
  public init(
    predictor: ClassifierPredictor, evaluator: ClassifierEvaluator,
    calibration: (any CalibrationSource)?, cancellation: CancellationFlag
  ) {
    self.predictor = predictor
    self.evaluator = evaluator
    self.calibration = calibration
    self.cancellation = cancellation
  }

  /// By site, the treatments of `all` that suit it, from the mildest effect to the harshest.
  public func options(_ all: [Treatment], progress: (Int, Int) -> Void) throws -> [[Treatment]] {
    try evaluator.sites.enumerated().map { index, site in
      let suiting = all.filter { $0.problem(for: site.site) == nil }
      let costs = try suiting.map { treatment in
        (try predictor.measureEffect(of: site.site, under: treatment), treatment)
      }
      progress(index + 1, evaluator.sites.count)
      return costs.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  /// Predicts and measures each plan.
  public func run(_ plans: [Plan], progress: (Int, Int) -> Void) throws -> [Row] {
    try plans.enumerated().map { index, plan in
      let prediction = try predictor.predict(plan)
      let planned = try evaluator.planned(
        plan, calibration: calibration, cancellation: cancellation)
      let scores = try evaluator.measure(planned, cancellation: cancellation)
      progress(index + 1, plans.count)
      return Row(
        treatedSites: plan.treatments.count, prediction: prediction,
        run: DropCalibration.Outlook(scores.prefix(prediction.images)),
        measuredDivergence: scores.divergence.mean, measuredDrop: -scores.top1Difference.mean)
    }
  }

  /// Learns on the first `trials` rows of each of `splits` random orders.
  ///
  /// - Parameters:
  ///   - outlook: what is known of a row before it is measured.
  ///   - ceiling: the drop where nothing but guessing is left.
  ///   - images: how many plans were measured on.
  public static func learned(
    _ rows: [Row], from outlook: (Row) -> DropCalibration.Outlook, trials: Int, splits: Int,
    ceiling: Double, images: Int, seed: UInt64
  ) -> Learned {
    precondition(trials + 2 <= rows.count)
    var random = RandomSource(seed: seed)
    var (spearman, error, width) = (0.0, 0.0, 0.0)
    var (inside, intervals) = (0, 0)
    for _ in 0..<splits {
      let order = rows.shuffled(using: &random)
      let calibration = DropCalibration(
        order.prefix(trials).map {
          DropCalibration.Trial(outlook($0), drop: $0.measuredDrop)
        }, ceiling: ceiling, images: images, probeImages: rows.first?.prediction.images ?? 0)
      let held = order.dropFirst(trials)
      let estimates = held.map { calibration.estimate(outlook($0)) }
      spearman += spearmanCorrelation(estimates.map(\.value), held.map(\.measuredDrop))
      for (row, estimate) in zip(held, estimates) {
        error += abs(row.measuredDrop - estimate.value) / Double(held.count)
        guard let interval = estimate.interval else { continue }
        intervals += 1
        width += interval.upper - interval.lower
        if interval.lower <= row.measuredDrop && row.measuredDrop <= interval.upper { inside += 1 }
      }
    }
    return Learned(
      trials: trials, splits: splits, spearman: spearman / Double(splits),
      meanAbsoluteError: error / Double(splits),
      coverage: Double(inside) / Double(max(intervals, 1)),
      meanWidth: width / Double(max(intervals, 1)))
  }
}
