import Glibc
import ViseEstimates

/// Intervals of proportions and of their paired differences that hold where few units differ.
public enum Proportions {
  /// The difference of two proportions of the same units, second less first.
  ///
  /// Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions
  /// based on paired data" (J. Educ. Behav. Stat. 37, 2012): one unit is added to each way of
  /// differing, so that the interval has a width where none differs.
  ///
  /// - Parameters:
  ///   - gained: units of the second alone.
  ///   - lost: units of the first alone.
  public static func pairedDifference(
    gained: Int, lost: Int, of count: Int, level: Double = 0.9
  ) -> MeanInterval {
    precondition(count > 0 && gained + lost <= count)
    let total = Double(count) + 2
    let (up, down) = (Double(gained + 1) / total, Double(lost + 1) / total)
    let error = ((up + down - (up - down) * (up - down)) / total).squareRoot()
    let half = normalQuantile(0.5 + level / 2) * error
    return MeanInterval(
      mean: Double(gained - lost) / Double(count),
      interval: Interval(
        lower: max(-1, up - down - half), upper: min(1, up - down + half), level: level))
  }

  /// The score interval of a proportion.
  ///
  /// Wilson, "Probable inference, the law of succession, and statistical inference" (J. Am. Stat.
  /// Assoc. 22, 1927).
  public static func wilson(_ hits: Int, of count: Int, level: Double = 0.9) -> MeanInterval {
    precondition(count > 0 && (0...count).contains(hits))
    let (n, z) = (Double(count), normalQuantile(0.5 + level / 2))
    let share = Double(hits) / n
    let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half =
      z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return MeanInterval(
      mean: share,
      interval: Interval(lower: max(0, centre - half), upper: min(1, centre + half), level: level))
  }

  /// The quantile of the normal distribution, by bisection on its distribution function.
  private static func normalQuantile(_ probability: Double) -> Double {
    var (low, high) = (0.0, 10.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if 0.5 * erfc(-middle / 2.0.squareRoot()) < probability {
        low = middle
      } else {
        high = middle
      }
    }
    return (low + high) / 2
  }
}
