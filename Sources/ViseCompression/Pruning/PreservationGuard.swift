import Glibc

/// Holds compression to a set of inputs whose outputs must stay as they are.
///
/// After safety-guided self-compression: a preservation set stands for behaviour that no saving
/// may cost, and a step is taken only as far as it leaves the set alone. The guard knows nothing of
/// models: it compares outputs and searches a strength.
public struct PreservationGuard: Sendable {
  /// The largest ‖after − before‖ / ‖before‖ any input may show.
  public let tolerance: Double

  public init(tolerance: Double) {
    precondition(tolerance >= 0)
    self.tolerance = tolerance
  }

  /// What comparing outputs found.
  public struct Verdict: Hashable, Sendable {
    /// The largest relative change; infinite where an output is no number.
    public let largestChange: Double
    /// The input that shows it; `nil` for an empty set.
    public let input: Int?
    public let isAccepted: Bool
  }

  /// Compares the outputs of each input, one after the other.
  public func verdict(before: [[Float]], after: [[Float]]) -> Verdict {
    precondition(before.count == after.count)
    var worst: (input: Int, change: Double)?
    for (input, pair) in zip(before, after).enumerated() {
      let change = Self.change(from: pair.0, to: pair.1)
      if change > worst?.change ?? -1 { worst = (input, change) }
    }
    let largest = worst?.change ?? 0
    return Verdict(
      largestChange: largest, input: worst?.input, isAccepted: largest <= tolerance)
  }

  private static func change(from before: [Float], to after: [Float]) -> Double {
    precondition(before.count == after.count)
    var sums = (difference: 0.0, size: 0.0)
    for (old, new) in zip(before, after) {
      let difference = Double(new) - Double(old)
      sums.difference += difference * difference
      sums.size += Double(old) * Double(old)
    }
    guard sums.difference.isFinite, sums.size.isFinite else { return .infinity }
    if sums.difference == 0 { return 0 }
    return sums.size > 0 ? (sums.difference / sums.size).squareRoot() : .infinity
  }

  /// The strongest of `strengths`, in ascending order, up to which all were accepted, or `nil`.
  ///
  /// Strengths are tried by bisection, which takes for granted that what a strength breaks every
  /// stronger one breaks too.
  public func strongest<Strength>(
    of strengths: [Strength], outputs before: [[Float]],
    compressed: (Strength) throws -> [[Float]]
  ) rethrows -> Strength? {
    var (low, high) = (0, strengths.count)
    while low < high {
      let middle = (low + high) / 2
      if verdict(before: before, after: try compressed(strengths[middle])).isAccepted {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low > 0 ? strengths[low - 1] : nil
  }
}
