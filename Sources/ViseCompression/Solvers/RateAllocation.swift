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
}
