public import ViseEstimates

/// An answer of the instant predictor.
public struct Prediction: Hashable, Sendable {
  public let quality: QualityEstimate?
  public let latency: LatencyEstimate?
  /// Quality of `WorkbenchState.planBeforeEdit`, from the same knowledge.
  public let qualityBefore: QualityEstimate?

  public init(
    quality: QualityEstimate?, latency: LatencyEstimate?, qualityBefore: QualityEstimate? = nil
  ) {
    self.quality = quality
    self.latency = latency
    self.qualityBefore = qualityBefore
  }
}

/// The figures of the current plan, as far as they are known.
public struct Figures: Hashable, Sendable {
  /// The best quality known, which may be of an older revision.
  public internal(set) var quality: QualityEstimate?
  public internal(set) var qualityRevision: PlanRevision = 0
  /// The best latency known, which may be of an older revision.
  public internal(set) var latency: LatencyEstimate?
  public internal(set) var latencyRevision: PlanRevision = 0
  /// Latency of the model as loaded.
  public internal(set) var referenceLatency: LatencyEstimate?

  /// Takes `estimate` unless something better is known of the same revision.
  mutating func offer(_ estimate: QualityEstimate, revision: PlanRevision) -> Bool {
    if let quality, qualityRevision == revision,
      Self.rank(quality.klMean) > Self.rank(estimate.klMean)
    {
      return false
    }
    quality = estimate
    qualityRevision = revision
    return true
  }

  mutating func offer(_ estimate: LatencyEstimate, revision: PlanRevision) {
    let isWorse =
      latencyRevision == revision
      && latency.map { Self.rank($0.decodeSecondsPerToken) } ?? 0
        > Self.rank(estimate.decodeSecondsPerToken)
    guard !isWorse else { return }
    latency = estimate
    latencyRevision = revision
  }

  /// Orders sources by how much they are worth, then by how much was measured.
  static func rank(_ estimate: Estimate) -> Int {
    switch estimate.provenance {
    case .prior: 0
    case .predicted: 1
    case .measured(let tokens, _): 2 + tokens
    case .exact: Int.max
    }
  }
}
