public import ViseCompression
public import ViseEstimates

/// All that is known of how one site bears compression.
public struct SiteReport: Sendable {
  public let site: Site
  /// As the file has it.
  public let byteCount: Int
  public let weight: WeightMetrics
  /// `nil` where it was not asked for.
  public var spectrum: SpectrumMetrics?
  /// tr(H) of its inputs; `nil` without calibration.
  public var inputEnergy: Double?
  /// One an option, in their order; `nil` where it cannot be done or changes nothing.
  public var options: [OptionReport?] = []
}

/// What one treatment does to one site.
public struct OptionReport: Sendable {
  public let treatment: Treatment
  public let byteCount: Int
  /// Σ(w − ŵ)².
  public let noisePower: Double
  /// Σw².
  public let signalPower: Double
  /// For integer formats, the accumulator no 8-bit inputs overflow (A2Q, arXiv:2308.13504).
  public let accumulatorBits: Int?
  /// ½·tr(ΔW·H·ΔWᵀ); `nil` without calibration.
  public var outputError: Double?
  /// tr(ΔW·H·ΔWᵀ) / tr(W·H·Wᵀ).
  public var outputErrorShare: Double?
  /// KL(reference‖only this site treated) on the probe; `nil` without a text.
  public var klMean: Estimate?
  /// Half of what it adds to the second-order KL with all other sites treated alike, in nats; `nil`
  /// without a text.
  public var interaction: Double?

  /// Noise over signal; `nil` where the weight is all zero.
  public var noiseShare: Double? { signalPower > 0 ? noisePower / signalPower : nil }
}
