/// The points of a pyramid, {y ∈ Zᴰ : Σ|y| = K}, and their numbers from 0 to N(D, K) − 1.
///
/// Fischer, "A Pyramid Vector Quantizer" (IEEE Trans. Information Theory, 1986): N(D, K) =
/// N(D−1, K) + N(D, K−1) + N(D−1, K−1). A point's number counts, component by component, the points
/// that come before: those with a 0 in that place, then for each smaller magnitude the positive and
/// the negative ones, and of two of equal magnitude the positive one.
public struct PyramidCode: Sendable {
  public let dimension: Int
  public let pulses: Int
  /// N(d, k) at d · (pulses + 1) + k.
  private let counts: [UInt128]

  /// `nil` where N(D, K) does not fit 127 bits.
  public init?(dimension: Int, pulses: Int) {
    guard (1...256).contains(dimension), (1...1024).contains(pulses) else { return nil }
    let width = pulses + 1
    var counts = [UInt128](repeating: 0, count: (dimension + 1) * width)
    counts[0] = 1
    for d in 1...dimension {
      counts[d * width] = 1
      for k in 1...pulses {
        let sum = counts[(d - 1) * width + k]
          .addingReportingOverflow(counts[d * width + k - 1])
        let all = sum.partialValue.addingReportingOverflow(counts[(d - 1) * width + k - 1])
        guard !sum.overflow, !all.overflow, all.partialValue < 1 << 127 else { return nil }
        counts[d * width + k] = all.partialValue
      }
    }
    self.dimension = dimension
    self.pulses = pulses
    self.counts = counts
  }

  /// N(d, k), the points of d components whose magnitudes add up to k.
  public func count(_ d: Int, _ k: Int) -> UInt128 { counts[d * (pulses + 1) + k] }

  /// N(D, K).
  public var pointCount: UInt128 { count(dimension, pulses) }

  /// Bits that number every point.
  public var indexBits: Int { 128 - (pointCount - 1).leadingZeroBitCount }

  /// The number of a point, whose magnitudes must add up to `pulses`.
  public func index(of point: UnsafePointer<Int32>) -> UInt128 {
    var index: UInt128 = 0
    var left = pulses
    for place in 0..<dimension {
      let rest = dimension - place - 1
      let magnitude = Int(point[place].magnitude)
      if magnitude > 0 {
        index += count(rest, left)
        for smaller in 1..<magnitude { index += 2 * count(rest, left - smaller) }
        if point[place] < 0 { index += count(rest, left - magnitude) }
        left -= magnitude
      }
    }
    precondition(left == 0, "the magnitudes of a pyramid's point add up to its pulses")
    return index
  }

  /// The point with number `index`; numbers beyond the last give the last point.
  public func point(at index: UInt128, into point: UnsafeMutablePointer<Int32>) {
    var index = min(index, pointCount - 1)
    var left = pulses
    for place in 0..<dimension {
      let rest = dimension - place - 1
      var magnitude = 0
      var here = count(rest, left)
      while index >= here {
        index -= here
        magnitude += 1
        here = 2 * count(rest, left - magnitude)
      }
      var isNegative = false
      if magnitude > 0, index >= here / 2 {
        isNegative = true
        index -= here / 2
      }
      point[place] = Int32(isNegative ? -magnitude : magnitude)
      left -= magnitude
    }
  }
}
