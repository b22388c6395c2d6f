import Glibc
public import ViseEstimates

/// A mean over independent units with its confidence interval.
public struct MeanInterval: Hashable, Sendable {
  public let mean: Double
  /// `nil` with fewer than two units, or where the mean is no number.
  public let interval: Interval?

  /// Student's t interval of the mean of `sums` over `weights`, a pair a unit.
  ///
  /// The mean is Σ sums / Σ weights; its variance is that of a ratio estimator (Cochran, "Sampling
  /// Techniques", eq. 6.13), so units of unequal length count by their length.
  public init(sums: [Double], weights: [Double], level: Double = 0.9) {
    precondition(sums.count == weights.count)
    let count = Double(sums.count)
    let total = weights.reduce(0, +)
    let mean = sums.reduce(0, +) / total
    self.mean = mean
    guard sums.count > 1, mean.isFinite else {
      interval = nil
      return
    }
    let squares = zip(sums, weights).reduce(0) { $0 + ($1.0 - mean * $1.1) * ($1.0 - mean * $1.1) }
    let error = (squares * count / (count - 1)).squareRoot() / total
    let half = studentQuantile(0.5 + level / 2, degreesOfFreedom: sums.count - 1) * error
    interval = Interval(lower: mean - half, upper: mean + half, level: level)
  }
}

extension MeanInterval {
  /// The mean and its interval times `factor`.
  func scaled(by factor: Double) -> MeanInterval {
    MeanInterval(
      mean: mean * factor,
      interval: interval.map {
        Interval(lower: $0.lower * factor, upper: $0.upper * factor, level: $0.level)
      })
  }

  /// About the standard error of the mean's logarithm, from the interval; 0 without one.
  var relativeDeviation: Double {
    guard let interval, mean > 0 else { return 0 }
    return interval.halfWidth / (1.645 * mean)
  }
}

/// The quantile of Student's t distribution, by bisection on its distribution function.
func studentQuantile(_ probability: Double, degreesOfFreedom: Int) -> Double {
  precondition(probability > 0.5 && probability < 1 && degreesOfFreedom > 0)
  var low = 0.0
  var high = 1.0
  while studentDistribution(high, degreesOfFreedom: degreesOfFreedom) < probability { high *= 2 }
  for _ in 0..<60 {
    let middle = (low + high) / 2
    if studentDistribution(middle, degreesOfFreedom: degreesOfFreedom) < probability {
      low = middle
    } else {
      high = middle
    }
  }
  return (low + high) / 2
}

/// P(T ≤ t) for t ≥ 0, by the finite series (Abramowitz and Stegun, 26.7.3 and 26.7.4).
private func studentDistribution(_ t: Double, degreesOfFreedom n: Int) -> Double {
  let angle = atan(t / Double(n).squareRoot())
  let cosine = cos(angle)
  var term = n % 2 == 0 ? 1.0 : cosine
  var sum = n == 1 ? 0.0 : term
  for k in stride(from: n % 2 == 0 ? 2 : 3, through: n - 2, by: 2) {
    term *= cosine * cosine * Double(k - 1) / Double(k)
    sum += term
  }
  let central = n % 2 == 0 ? sin(angle) * sum : 2 / Double.pi * (angle + sin(angle) * sum)
  return 0.5 + central / 2
}
