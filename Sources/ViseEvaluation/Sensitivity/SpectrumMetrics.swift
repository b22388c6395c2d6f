import Glibc
public import ViseEstimates

/// What a weight's singular values σ say of how much of it is redundant.
public struct SpectrumMetrics: Hashable, Sendable {
  /// exp(−Σ pᵢ·ln pᵢ) with pᵢ = σᵢ/Σσ (Roy and Vetterli, "The effective rank", EUSIPCO 2007), the
  /// compactness of a layer; `nil` where all are 0.
  public let effectiveRank: Double?
  /// The share of Σσ² that the largest tenth of the singular values holds.
  public let topEnergy: Double
  /// The exponent of the density of σ² in its upper half; small is heavy-tailed, so well trained.
  ///
  /// 1 + k / Σ ln(λᵢ/λₖ₊₁), Hill's estimate as AlphaPruning takes it (arXiv:2410.10912).
  public let tailExponent: Double?
  /// Whether evenly spaced rows and columns stand for all.
  public let isSampled: Bool

  /// The share of the singular values whose energy is `topEnergy`.
  public static let topShare = 0.1

  public init(_ spectrum: WeightSpectrum) {
    let values = spectrum.values.map { Double($0) }
    let total = values.reduce(0, +)
    let entropy = values.reduce(0.0) { sum, value in
      value > 0 ? sum - value / total * log(value / total) : sum
    }
    effectiveRank = total > 0 ? exp(entropy) : nil
    topEnergy = spectrum.energy(ofFirst: Self.topShare)
    let upper = values.prefix(values.count / 2 + 1).map { $0 * $0 }
    tailExponent = TailExponent.hill(upper).map { 1 + $0 }
    isSampled = spectrum.isSampled
  }
}
