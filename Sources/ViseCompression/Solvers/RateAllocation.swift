import Glibc

/// Bits for groups of weights by reverse water-filling: B = clamp(½·log₂(G²·S²/λ), 0, Bmax).
///
/// Young, "Radio" / CVXQ (2024–2025), eq. 5: G² is the mean squared gradient of a group's weights,
/// or the energy of its inputs, and S² their variance; a group's distortion is about G²·S²·4^(−B),
/// and λ is the price all groups pay alike.
public struct RateAllocation: Hashable, Sendable {
  /// One group of weights.
  public struct Group: Hashable, Sendable {
    public let weightCount: Int
    /// G²·S².
    public let sensitivity: Double

    public init(weightCount: Int, sensitivity: Double) {
      precondition(weightCount >= 0)
      self.weightCount = weightCount
      self.sensitivity = sensitivity
    }
  }

  /// Bits of each group, real numbers.
  public let bits: [Double]
  public let multiplier: Double

  /// The bits at price `multiplier`.
  public init(groups: [Group], multiplier: Double, mostBits: Double) {
    self.multiplier = multiplier
    bits = groups.map { group in
      guard group.sensitivity > 0 else { return 0 }
      return min(max(0.5 * log2(group.sensitivity / multiplier), 0), mostBits)
    }
  }

  /// The bits whose total is `bitCount`, as near as bisection brings it and never above.
  public init(groups: [Group], bitCount: Double, mostBits: Double = 8) {
    let sensitive = groups.filter { $0.sensitivity > 0 }.map(\.sensitivity)
    guard let largest = sensitive.max(), let smallest = sensitive.min() else {
      self.init(groups: groups, multiplier: 1, mostBits: mostBits)
      return
    }
    // At the largest sensitivity no group gets bits, below `low` all get the most.
    var high = log2(largest)
    var low = log2(smallest) - 2 * mostBits - 1
    let all = Self(groups: groups, multiplier: exp2(low), mostBits: mostBits)
    guard all.total(of: groups) > bitCount else {
      self = all
      return
    }
    for _ in 0..<80 {
      let middle = (low + high) / 2
      let tried = Self(groups: groups, multiplier: exp2(middle), mostBits: mostBits)
      if tried.total(of: groups) > bitCount { low = middle } else { high = middle }
    }
    self.init(groups: groups, multiplier: exp2(high), mostBits: mostBits)
  }

  /// Bits of all weights.
  public func total(of groups: [Group]) -> Double {
    zip(bits, groups).reduce(0) { $0 + $1.0 * Double($1.1.weightCount) }
  }

  /// Whole bits with a total of at most `bitCount`: the real ones rounded down, then one more where
  /// the fall of G²·S²·4^(−B) a bit is largest.
  public func wholeBits(of groups: [Group], bitCount: Double, mostBits: Int = 8) -> [Int] {
    var whole = bits.map { Int($0.rounded(.down)) }
    var left = bitCount - zip(whole, groups).reduce(0.0) { $0 + Double($1.0 * $1.1.weightCount) }
    let gains = groups.indices.sorted {
      groups[$0].sensitivity * exp2(-2 * Double(whole[$0]))
        > groups[$1].sensitivity * exp2(-2 * Double(whole[$1]))
    }
    for index in gains where whole[index] < mostBits && groups[index].sensitivity > 0 {
      let cost = Double(groups[index].weightCount)
      guard cost <= left else { continue }
      whole[index] += 1
      left -= cost
    }
    return whole
  }
}
