import Glibc
public import ViseEstimates

/// What measured plans of a classifier teach about how much accuracy others lose.
///
/// The measured drop is taken as a share of the reference's right images that grows with the
/// predicted KL d: drop ≈ a·(1 − exp(−b·d^c)) is fitted to the trials; the interval is the jackknife+
/// of residuals (Barber et al., "Predictive inference with the jackknife+", 2021), scaled by the
/// deviation that so many images leave a share.
public struct DropCalibration: Sendable {
  /// A plan's predicted KL, in nats, and the measured drop of top-1.
  public struct Trial: Hashable, Sendable {
    public let divergence: Double
    public let drop: Double

    public init(divergence: Double, drop: Double) {
      self.divergence = divergence
      self.drop = drop
    }
  }

  private let curve: DropCurve
  private let leftOut: [(curve: DropCurve, residual: Double)]
  private let images: Int
  private static let level = 0.9

  /// - Parameters:
  ///   - ceiling: the drop where nothing but guessing is left.
  ///   - images: how many the trials were measured on.
  public init(_ trials: [Trial], ceiling: Double, images: Int) {
    curve = DropCurve(trials, ceiling: ceiling)
    self.images = images
    leftOut = trials.indices.map { index in
      var others = trials
      let own = others.remove(at: index)
      let curve = DropCurve(others, ceiling: ceiling)
      let value = curve.value(at: own.divergence)
      return (curve, abs(own.drop - value) / Self.deviation(value, images))
    }
  }

  /// The drop of a plan of this predicted KL; with an interval from nine trials on.
  public func estimate(_ divergence: Double) -> (value: Double, interval: Interval?) {
    let value = curve.value(at: divergence)
    guard leftOut.count >= PredictionCalibration.fewestTrials else { return (value, nil) }
    let ends = leftOut.map { other in
      let middle = other.curve.value(at: divergence)
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
            let value = Self.value(trial.divergence, ceiling, scale, power)
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
