import Glibc

/// The fewest bits of a fixed-point number whose rounding a histogram does not show.
///
/// AdaPT's push-down (Kummer et al., arXiv:2107.13490): the smallest word length for which the
/// values' histogram and that of the rounded values have a KL divergence of about 0. Steps are powers
/// of two and the largest magnitude is held, as fixed-point numbers have it.
public enum LosslessBits {
  /// Bins of the histograms, evenly from the smallest value to the largest.
  public static let binCount = 100
  /// The divergence, in nats, that counts as none.
  public static let threshold = 0.01
  private static let widths = 2...24

  /// The word length, sign included; `nil` where all values are equal, or 24 bits do not do.
  public static func of(_ values: UnsafeBufferPointer<Float>) -> Int? {
    guard let first = values.first else { return nil }
    var (low, high) = (first, first)
    for value in values { (low, high) = (min(low, value), max(high, value)) }
    guard low < high, low.isFinite, high.isFinite else { return nil }
    let original = histogram(values, low, high, step: nil)
    return widths.first { bits in
      let step = step(bits: bits, largest: max(abs(low), abs(high)))
      return divergence(original, histogram(values, low, high, step: step)) <= threshold
    }
  }

  /// The power of two with which `bits` bits and a sign reach `largest`.
  static func step(bits: Int, largest: Float) -> Float {
    Float(exp2(Double(Int(largest.exponent) + 2 - bits)))
  }

  /// KL(p‖q) in nats of two histograms, half a count added to each bin so that none is empty.
  static func divergence(_ p: [Int], _ q: [Int]) -> Double {
    func total(_ counts: [Int]) -> Double {
      Double(counts.reduce(0, +)) + Double(counts.count) / 2
    }
    let (pTotal, qTotal) = (total(p), total(q))
    return zip(p, q).reduce(0) { sum, counts in
      let (a, b) = ((Double(counts.0) + 0.5) / pTotal, (Double(counts.1) + 0.5) / qTotal)
      return sum + a * log(a / b)
    }
  }

  private static func histogram(
    _ values: UnsafeBufferPointer<Float>, _ low: Float, _ high: Float, step: Float?
  ) -> [Int] {
    var counts = [Int](repeating: 0, count: binCount)
    let scale = Float(binCount) / (high - low)
    let inverse = step.map { 1 / $0 }
    for value in values {
      var seen = value
      if let step, let inverse { seen = (value * inverse).rounded() * step }
      counts[min(max(Int((seen - low) * scale), 0), binCount - 1)] += 1
    }
    return counts
  }
}
