import Glibc

/// How heavy a tail is: the exponent α of P(X > x) ∝ x^−α beyond some x; small is heavy.
///
/// Hill, "A simple general approach to inference about the tail of a distribution" (Annals of
/// Statistics 3, 1975): 1/α = (1/k) · Σ ln(xᵢ / xₖ₊₁) over the k largest values.
public enum TailExponent {
  /// The share of a weight's values that counts as its tail.
  public static let share = 0.01

  /// Hill's estimate from all of `descending` but its last value, the threshold.
  ///
  /// `nil` where the threshold is not above 0, or no value exceeds it.
  public static func hill(_ descending: some BidirectionalCollection<Double>) -> Double? {
    guard let threshold = descending.last, threshold > 0 else { return nil }
    let count = descending.count - 1
    let sum = descending.dropLast().reduce(0) { $0 + log($1 / threshold) }
    return count > 0 && sum > 0 ? Double(count) / sum : nil
  }

  /// The exponent of the largest hundredth of magnitudes; `nil` with fewer than 1,000 values.
  public static func ofMagnitudes(_ values: UnsafeBufferPointer<Float>) -> Double? {
    let count = Int(Double(values.count) * share)
    guard count >= 10 else { return nil }
    return hill(largestMagnitudes(values, count: count + 1).map { Double($0) })
  }

  /// The `count` largest magnitudes, descending, in time linear in the number of values.
  ///
  /// Bits of positive floats are ordered as the floats are, so a histogram of their upper halves
  /// finds the few that need sorting.
  static func largestMagnitudes(_ values: UnsafeBufferPointer<Float>, count: Int) -> [Float] {
    var counts = [Int](repeating: 0, count: 1 << 15)
    for value in values { counts[Int(abs(value).bitPattern >> 16)] += 1 }
    var (bin, found) = (counts.count, 0)
    while bin > 0, found < count {
      bin -= 1
      found += counts[bin]
    }
    let candidates = values.lazy.map { abs($0) }.filter { Int($0.bitPattern >> 16) >= bin }
    return Array(Array(candidates).sorted(by: >).prefix(count))
  }
}
