/// Where a number comes from.
public enum Provenance: Hashable, Sendable {
  /// Follows from the formats alone, to the byte.
  case exact
  /// A data-free prior: no activation has been seen yet.
  case prior
  /// Computed from measured effects of single sites on `tokens` probe tokens.
  case predicted(tokens: Int)
  /// Measured by running the plan on `tokens` of the evaluation set's `total` tokens.
  case measured(tokens: Int, of: Int)
}

/// A range that holds the true value with probability `level`.
public struct Interval: Hashable, Sendable {
  public let lower: Double
  public let upper: Double
  public let level: Double

  public init(lower: Double, upper: Double, level: Double) {
    precondition(lower <= upper && level > 0 && level < 1)
    self.lower = lower
    self.upper = upper
    self.level = level
  }

  /// Half of the range's width.
  public var halfWidth: Double { (upper - lower) / 2 }
}

/// What the interval of a predicted figure rests on.
public enum Trust: Hashable, Sendable {
  /// The error the method is known for; too few trials, or none near this prediction.
  case method(trials: Int)
  /// Residuals of this many measured plans of the model.
  case trials(Int)
  /// A measured plan that differs a little.
  case neighbour
  /// Beyond what trials cover: all that is known is that the figure is about `limit` or more.
  case outside(limit: Double)
}

/// A number with where it comes from and how far it may be off.
public struct Estimate: Hashable, Sendable {
  public let value: Double
  /// `nil` where the value is exact or no interval is known.
  public let interval: Interval?
  public let provenance: Provenance
  /// `nil` where nothing was learned of such figures.
  public let trust: Trust?

  public init(
    value: Double, interval: Interval? = nil, provenance: Provenance, trust: Trust? = nil
  ) {
    self.value = value
    self.interval = interval
    self.provenance = provenance
    self.trust = trust
  }
}

/// How far a plan's outputs are from the reference model's.
public struct QualityEstimate: Hashable, Sendable {
  /// Mean over scored tokens of KL(reference‖plan), in nats.
  public let klMean: Estimate
  /// Perplexity under the plan divided by the reference's.
  public let perplexityRatio: Estimate?
  /// Share of scored tokens at which both models prefer the same token, in 0…1.
  public let top1Agreement: Estimate?
  /// The plan's share of images it names the class of less the reference's; of classifiers.
  public let accuracyChange: Estimate?

  public init(
    klMean: Estimate, perplexityRatio: Estimate? = nil, top1Agreement: Estimate? = nil,
    accuracyChange: Estimate? = nil
  ) {
    self.accuracyChange = accuracyChange
    self.klMean = klMean
    self.perplexityRatio = perplexityRatio
    self.top1Agreement = top1Agreement
  }
}

/// How fast a plan is expected to run on a device, batch 1.
public struct LatencyEstimate: Hashable, Sendable {
  /// Seconds to generate one token.
  public let decodeSecondsPerToken: Estimate
  public let prefillTokensPerSecond: Estimate
  /// What limits decoding, such as `memory bandwidth`.
  public let bindingCeiling: String

  public init(
    decodeSecondsPerToken: Estimate, prefillTokensPerSecond: Estimate, bindingCeiling: String
  ) {
    self.decodeSecondsPerToken = decodeSecondsPerToken
    self.prefillTokensPerSecond = prefillTokensPerSecond
    self.bindingCeiling = bindingCeiling
  }
}
