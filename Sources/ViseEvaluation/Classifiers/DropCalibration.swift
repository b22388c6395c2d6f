import Glibc
public import ViseEstimates

/// What measured plans of a classifier teach about how much accuracy others lose.
///
/// Of the images that the probe has, a prediction says which classes change; of the others it knows no
/// more than the KL d: drop ≈ a·(1 − exp(−b·d^c)), fitted to the trials. The estimate is the mean of
/// both by their images; the interval is the jackknife+ of residuals (Barber et al., "Predictive
/// inference with the jackknife+", 2021), scaled by the deviation that so many images leave a share.
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
  private let probeShare: Double
  private static let level = 0.9

  /// - Parameters:
  ///   - ceiling: the drop where nothing but guessing is left.
  ///   - images: how many the trials were measured on.
  ///   - probeImages: how many of them the probe has.
  public init(_ trials: [Trial], ceiling: Double, images: Int, probeImages: Int) {
    curve = DropCurve(trials, ceiling: ceiling)
    self.images = images
    let share = min(Double(probeImages) / Double(max(images, 1)), 1)
    probeShare = share
    leftOut = trials.indices.map { index in
      var others = trials
      let own = others.remove(at: index)
      let curve = DropCurve(others, ceiling: ceiling)
      let value = Self.mean(own.outlook, curve, share)
      return (curve, abs(own.drop - value) / Self.deviation(value, images))
    }
  }

  /// Of what the probe saw and what the curve says of the images it has not.
  private static func mean(_ outlook: Outlook, _ curve: DropCurve, _ share: Double) -> Double {
    share * outlook.probeDrop + (1 - share) * curve.value(at: outlook.divergence)
  }

  /// The drop of a plan of which this is predicted; with an interval from nine trials on.
  public func estimate(_ outlook: Outlook) -> (value: Double, interval: Interval?) {
    let value = Self.mean(outlook, curve, probeShare)
    guard leftOut.count >= PredictionCalibration.fewestTrials else { return (value, nil) }
    let ends = leftOut.map { other in
      let middle = Self.mean(outlook, other.curve, probeShare)
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
