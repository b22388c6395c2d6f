import Glibc
import ViseEstimates

/// How much larger a figure is for one contender than for another on the same windows.
public struct PairedDifference: Hashable, Sendable {
  /// Mean of second − first per token, with the interval of the windows' differences.
  public let paired: MeanInterval
  /// Half width of the interval that two unrelated samples of as many windows would give.
  public let unpairedHalfWidth: Double?

  /// Unpaired over paired half width; `nil` where either is unknown or the paired one is 0.
  public var narrowing: Double? {
    guard let unpairedHalfWidth, let interval = paired.interval, interval.halfWidth > 0 else {
      return nil
    }
    return unpairedHalfWidth / interval.halfWidth
  }

  /// - Parameters:
  ///   - first: sums over the windows of the first contender; `second` those of the other.
  ///   - weights: tokens that each sum is over.
  init(first: [Double], second: [Double], weights: [Double], level: Double) {
    paired = MeanInterval(
      sums: zip(second, first).map { $0 - $1 }, weights: weights, level: level)
    let degrees = 2 * (weights.count - 1)
    guard degrees > 0 else {
      unpairedHalfWidth = nil
      return
    }
    let quantile = studentQuantile(0.5 + level / 2, degreesOfFreedom: weights.count - 1)
    let errors = [first, second].map { sums in
      (MeanInterval(sums: sums, weights: weights, level: level).interval?.halfWidth ?? 0) / quantile
    }
    let error = (errors[0] * errors[0] + errors[1] * errors[1]).squareRoot()
    unpairedHalfWidth = studentQuantile(0.5 + level / 2, degreesOfFreedom: degrees) * error
  }
}
