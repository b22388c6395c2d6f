import ViseTensor

/// Spends a number of bits on segments of columns so that their errors sum to the least.
///
/// SAQ's dynamic program (Li et al., 2025, section 3.2) over D_t(b), the error of segment t at b bits,
/// here measured on some of the rows: E(t, n) = min_b E(t − 1, n − b) + D_t(b), exact for the
/// errors it is given.
public struct SegmentBits: Sendable {
  public let meanBits: Int
  public let segmentLength: Int

  private static let sampledRows = 128

  public init(meanBits: Int, segmentLength: Int) {
    self.meanBits = meanBits
    self.segmentLength = segmentLength
  }

  /// The bits of each segment of `weight`'s columns.
  func bits(for weight: Matrix, importance: [Float]?) -> [Int] {
    let segments = weight.columns / segmentLength
    let step = max(1, weight.rows / Self.sampledRows)
    let rows = stride(from: 0, to: weight.rows, by: step)
    var errors = [[Double]](
      repeating: [Double](repeating: 0, count: SegmentedFormat.largestBits + 1), count: segments)
    var codes = [UInt8](repeating: 0, count: segmentLength)
    for row in rows {
      for segment in 0..<segments {
        let range = segment * segmentLength..<(segment + 1) * segmentLength
        withExtendedLifetime(weight) {
          let values = UnsafeBufferPointer(
            start: weight.row(row) + range.lowerBound, count: range.count)
          withSlice(of: importance, range) { importance in
            for bits in errors[segment].indices {
              errors[segment][bits] += Self.error(values, importance, bits, &codes)
            }
          }
        }
      }
    }
    return Self.allocate(errors, total: meanBits * segments)
  }

  private static func error(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?, _ bits: Int,
    _ codes: inout [UInt8]
  ) -> Double {
    let scale =
      bits == 0 ? 0 : CodeAdjustment(bits: bits).fit(values, importance: importance, into: &codes)
    var sum = 0.0
    for (index, value) in values.enumerated() {
      let level = bits == 0 ? 0 : scale * (Float(codes[index]) - CodeAdjustment.middle(bits))
      sum += Double(importance?[index] ?? 1) * Double(value - level) * Double(value - level)
    }
    return sum
  }

  /// Bits for each of `errors`, whose entries are by number of bits, that add up to `total`.
  ///
  /// Requires that total is at most the most bits all could take.
  public static func allocate(_ errors: [[Double]], total: Int) -> [Int] {
    var best = [Double](repeating: .infinity, count: total + 1)
    best[0] = 0
    var choices: [[Int]] = []
    for options in errors {
      var next = [Double](repeating: .infinity, count: total + 1)
      var choice = [Int](repeating: 0, count: total + 1)
      for spent in 0...total {
        for bits in options.indices where bits <= spent {
          let error = best[spent - bits] + options[bits]
          if error < next[spent] { (next[spent], choice[spent]) = (error, bits) }
        }
      }
      best = next
      choices.append(choice)
    }
    var left = total
    var bits: [Int] = []
    for choice in choices.reversed() {
      bits.append(choice[left])
      left -= choice[left]
    }
    return bits.reversed()
  }
}
