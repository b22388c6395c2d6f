import Glibc
public import ViseEstimates

/// What measured plans of a classifier teach about how much accuracy others lose.
///
/// Of the images that the probe has, a prediction says which classes change. For the others that drop
/// is one estimate, noisy where the probe is small, and the KL d another, which knows nothing of classes:
/// drop ≈ a·(1 − exp(−b·d^c)), fitted to the trials; their mean errs less than either. The interval is
/// the jackknife+ of residuals (Barber et al., "Predictive inference with the jackknife+", 2021), scaled
/// by the deviation that so many images leave a share.
public struct DropCalibration: Sendable {
  /// What is predicted of a plan.
  public struct Outlook: Hashable, Sendable {
    /// KL in nats.
    public let divergence: Double
    /// The drop of top-1 on the probe.
    public let probeDrop: Double

    public init(divergence: Double, probeDrop: Double) {
      self.divergence = divergence
      self.probeDrop = probeDrop
    }

    public init(_ prediction: ClassifierPredictor.Prediction) {
      self.init(divergence: prediction.divergence, probeDrop: prediction.top1Drop)
    }

    /// What was measured of the plan on the probe itself.
    public init(_ scores: ClassifierScores) {
      self.init(divergence: scores.divergence.mean, probeDrop: -scores.top1Difference.mean)
    }
  }

  /// A plan's outlook and the measured drop of top-1.
  public struct Trial: Hashable, Sendable {
    public let outlook: Outlook
    public let drop: Double

    public init(_ outlook: Outlook, drop: Double) {
      self.outlook = outlook
      self.drop = drop
    }
  }

  private let curve: DropCurve
  private let leftOut: [(curve: DropCurve, residual: Double)]
  private let images: Int
  /// How much the probe's drop counts.
  private let probeWeight: Double
  private static let level = 0.9

  /// - Parameters:
  ///   - ceiling: the drop where nothing but guessing is left.
  ///   - images: how many the trials were measured on.
  ///   - probeImages: how many of them the probe has.
  public init(_ trials: [Trial], ceiling: Double, images: Int, probeImages: Int) {
    curve = DropCurve(trials, ceiling: ceiling)
    self.images = images
    let share = min(Double(probeImages) / Double(max(images, 1)), 1)
    let weight = probeImages > 0 ? share + (1 - share) / 2 : 0
    probeWeight = weight
    leftOut = trials.indices.map { index in
      var others = trials
      let own = others.remove(at: index)
      let curve = DropCurve(others, ceiling: ceiling)
      let value = Self.mean(own.outlook, curve, weight)
      return (curve, abs(own.drop - value) / Self.deviation(value, images))
    }
  }

  private static func mean(_ outlook: Outlook, _ curve: DropCurve, _ weight: Double) -> Double {
    weight * outlook.probeDrop + (1 - weight) * curve.value(at: outlook.divergence)
  }

  /// The drop of a plan of which this is predicted; with an interval from nine trials on.
  public func estimate(_ outlook: Outlook) -> (value: Double, interval: Interval?) {
    let value = Self.mean(outlook, curve, probeWeight)
    guard leftOut.count >= PredictionCalibration.fewestTrials else { return (value, nil) }
    let ends = leftOut.map { other in
      let middle = Self.mean(outlook, other.curve, probeWeight)
      return (middle, other.residual * Self.deviation(middle, images))
    }
    let lowers = ends.map { $0.0 - $0.1 }.sorted()
    let uppers = ends.map { $0.0 + $0.1 }.sorted()
    let count = Double(leftOut.count + 1)
    let rank = min(Int((Self.level * count - 1e-9).rounded(.up)), leftOut.count)
    return (
      value,
      Interval(
        lower: min(lowers[leftOut.count - rank], value), upper: max(uppers[rank - 1], value),
        level: Self.level)
    )
  }

  /// About the standard error of a drop on so many images, which never falls to nothing.
  private static func deviation(_ drop: Double, _ images: Int) -> Double {
    let share = min(max(abs(drop), 0) + 0.02, 0.5)
    return (share * (1 - share) / Double(images)).squareRoot()
  }
}

/// drop = ceiling · (1 − exp(−(d / s)^c)), s and c by least squares over a grid.
struct DropCurve: Sendable {
  private let ceiling: Double
  private let scale: Double
  private let power: Double

  init(_ trials: [DropCalibration.Trial], ceiling: Double) {
    var best = (error: Double.infinity, scale: 1.0, power: 1.0)
    if !trials.isEmpty {
      for power in stride(from: 0.6, through: 2.0, by: 0.1) {
        for step in -24...24 {
          let scale = exp2(Double(step) / 4)
          let error = trials.reduce(0.0) { sum, trial in
            let value = Self.value(trial.outlook.divergence, ceiling, scale, power)
            return sum + (trial.drop - value) * (trial.drop - value)
          }
          if error < best.error { best = (error, scale, power) }
        }
      }
    }
    (self.ceiling, scale, power) = (ceiling, best.scale, best.power)
  }

  func value(at divergence: Double) -> Double {
    Self.value(divergence, ceiling, scale, power)
  }

  private static func value(
    _ divergence: Double, _ ceiling: Double, _ scale: Double, _ power: Double
  ) -> Double {
    ceiling * (1 - exp(-pow(max(divergence, 0) / scale, power)))
  }
}
