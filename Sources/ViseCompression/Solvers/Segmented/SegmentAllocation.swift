/// Cuts an ordered row of dimensions into segments and gives each its bits, exactly.
///
/// SAQ (Li et al., "Pushing the Limits of Vector Quantization through Code Adjustment and Dimension
/// Segmentation", 2025), section 4: dynamic programming over where the last segment begins and what
/// it costs. A segment of b bits leaves its energy times the error of a uniform b-bit quantizer of
/// a normal variable (Max, 1960), costs its length times b, and a scale.
public struct SegmentAllocation: Hashable, Sendable {
  /// Dimensions that share a scale and a width.
  public struct Segment: Hashable, Sendable {
    public let range: Range<Int>
    /// 0 where the dimensions are left out.
    public let bits: Int

    public init(range: Range<Int>, bits: Int) {
      self.range = range
      self.bits = bits
    }
  }

  public let segments: [Segment]
  /// Σ energy · error of its segment's bits.
  public let expectedError: Double
  /// Bits of a row, scales included.
  public let bitCount: Int

  /// Bits of a segment's scale.
  public static let scaleBits = 16

  /// Mean squared error of the best uniform quantizer of a standard normal variable, by bits.
  public static let normalErrors = [
    1, 0.3634, 0.1188, 0.03744, 0.01154, 0.003495, 0.001041, 0.0003035, 0.0000872,
  ]

  /// The segments of least expected error among those of at most `bitCount` bits.
  ///
  /// - Parameters:
  ///   - energies: mean squares of the dimensions, in the order they are cut.
  ///   - unit: segments begin at its multiples; bits are counted in units of 8.
  public init(energies: [Double], bitCount limit: Int, unit: Int) {
    precondition(unit > 0 && limit >= 0)
    var table = Table(energies: energies, unit: unit, budget: limit / Self.step)
    table.fill()
    (segments, expectedError, bitCount) = table.best()
  }

  /// The resolution bits are counted with.
  static let step = 8

  /// What a segment costs, in steps, rounded up.
  static func cost(length: Int, bits: Int) -> Int {
    bits == 0 ? 0 : (length * bits + scaleBits + step - 1) / step
  }

  /// The least error of the first `end` units within a budget, and how it was reached.
  private struct Table {
    let energies: [Double]
    let unit: Int
    let budget: Int
    private var sums: [Double] = [0]
    private var errors: [Double] = []
    private var choices: [(start: Int, bits: Int)] = []

    init(energies: [Double], unit: Int, budget: Int) {
      self.energies = energies
      self.unit = unit
      self.budget = budget
      for energy in energies { sums.append(sums[sums.count - 1] + energy) }
    }

    private var units: Int { (energies.count + unit - 1) / unit }
    private func position(_ unit: Int) -> Int { min(unit * self.unit, energies.count) }
    private func place(_ end: Int, _ budget: Int) -> Int { end * (self.budget + 1) + budget }

    mutating func fill() {
      errors = [Double](repeating: .infinity, count: (units + 1) * (budget + 1))
      choices = [(start: Int, bits: Int)](repeating: (0, 0), count: errors.count)
      for left in 0...budget { errors[place(0, left)] = 0 }
      guard units > 0 else { return }
      for end in 1...units {
        for start in 0..<end {
          let range = position(start)..<position(end)
          let energy = sums[range.upperBound] - sums[range.lowerBound]
          for bits in normalErrors.indices {
            let cost = SegmentAllocation.cost(length: range.count, bits: bits)
            guard cost <= budget else { break }
            relax(end, from: start, bits: bits, cost: cost, error: energy * normalErrors[bits])
          }
        }
      }
    }

    private mutating func relax(_ end: Int, from start: Int, bits: Int, cost: Int, error: Double) {
      for left in cost...budget {
        let total = errors[place(start, left - cost)] + error
        if total < errors[place(end, left)] {
          errors[place(end, left)] = total
          choices[place(end, left)] = (start, bits)
        }
      }
    }

    func best() -> (segments: [Segment], error: Double, bitCount: Int) {
      var segments: [Segment] = []
      var end = units
      var left = budget
      while end > 0 {
        let (start, bits) = choices[place(end, left)]
        let range = position(start)..<position(end)
        segments.append(Segment(range: range, bits: bits))
        left -= SegmentAllocation.cost(length: range.count, bits: bits)
        end = start
      }
      let bitCount = segments.reduce(0) {
        $0 + ($1.bits == 0 ? 0 : $1.range.count * $1.bits + scaleBits)
      }
      return (segments.reversed(), errors[place(units, budget)], bitCount)
    }
  }
}
