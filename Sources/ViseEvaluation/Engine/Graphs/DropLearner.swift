import ViseCompression
import ViseEstimates

/// What the plans measured so far teach about predicted drops of accuracy.
struct DropLearner {
  private let images: Int
  private let classes: Int
  /// Of plans that are predicted and not measured yet.
  private var outlooks: [Plan: ClassifierPredictor.Prediction] = [:]
  private var trials: [Plan: DropCalibration.Trial] = [:]
  /// `nil` before there are trials enough.
  private var calibration: DropCalibration?

  /// Plans remembered of either kind.
  private static let limit = 64

  /// - Parameter images: how many plans are measured on.
  init(images: Int, classes: Int) {
    self.images = images
    self.classes = classes
  }

  /// The plan's share of right images less the reference's, with an interval once plans taught one.
  mutating func change(
    of plan: Plan, _ prediction: ClassifierPredictor.Prediction, _ provenance: Provenance
  ) -> Estimate {
    if outlooks.count >= Self.limit { outlooks.removeAll() }
    outlooks[plan] = prediction
    guard let calibration else {
      return Estimate(value: -prediction.top1Drop, provenance: provenance)
    }
    let (drop, interval) = calibration.estimate(DropCalibration.Outlook(prediction))
    return Estimate(
      value: -drop,
      interval: interval.map { Interval(lower: -$0.upper, upper: -$0.lower, level: $0.level) },
      provenance: provenance)
  }

  /// Takes what was measured of a plan on all images.
  mutating func learn(_ plan: Plan, _ scores: ClassifierScores) {
    guard let prediction = outlooks[plan] else { return }
    if trials.count >= Self.limit { trials.removeAll() }
    trials[plan] = DropCalibration.Trial(
      DropCalibration.Outlook(prediction), drop: -scores.top1Difference.mean)
    guard trials.count >= PredictionCalibration.fewestTrials else {
      calibration = nil
      return
    }
    calibration = DropCalibration(
      Array(trials.values),
      ceiling: Double(prediction.referenceHits) / Double(prediction.images) - 1 / Double(classes),
      images: images, probeImages: prediction.images)
  }
}
