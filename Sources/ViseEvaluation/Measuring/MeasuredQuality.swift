import Glibc
public import ViseEstimates

/// Quality of a plan on the windows measured so far, with intervals paired by window.
public struct MeasuredQuality: Hashable, Sendable {
  public let windowCount: Int
  /// Tokens fed, context included.
  public let tokenCount: Int
  public let perplexity: Double
  public let referencePerplexity: Double
  /// exp of the mean difference of −log p, with the interval of that paired difference.
  public let perplexityRatio: MeanInterval
  public let klMean: MeanInterval
  /// The 99th percentile over scored tokens.
  public let kl99: Double
  public let top1Agreement: MeanInterval

  /// - Parameter scores: one or more windows.
  public init(_ scores: [WindowScore], windowLength: Int) {
    precondition(!scores.isEmpty)
    let weights = scores.map { Double($0.scoredCount) }
    let total = weights.reduce(0, +)
    windowCount = scores.count
    tokenCount = scores.count * windowLength
    perplexity = exp(scores.reduce(0) { $0 + $1.negativeLogLikelihood } / total)
    referencePerplexity = exp(
      scores.reduce(0) { $0 + $1.referenceNegativeLogLikelihood } / total)
    perplexityRatio =
      MeanInterval(
        sums: scores.map { $0.negativeLogLikelihood - $0.referenceNegativeLogLikelihood },
        weights: weights
      ).exponential
    klMean = MeanInterval(
      sums: scores.map { $0.divergences.reduce(0.0) { $0 + Double($1) } }, weights: weights)
    kl99 = Self.percentile(scores.flatMap(\.divergences), 0.99)
    top1Agreement = MeanInterval(sums: scores.map { Double($0.agreements) }, weights: weights)
  }

  /// As estimates measured on `tokenCount` of `total` tokens.
  public func estimate(of total: Int) -> QualityEstimate {
    let provenance = Provenance.measured(tokens: tokenCount, of: total)
    func estimate(_ value: MeanInterval) -> Estimate {
      Estimate(value: value.mean, interval: value.interval, provenance: provenance)
    }
    return QualityEstimate(
      klMean: estimate(klMean), perplexityRatio: estimate(perplexityRatio),
      top1Agreement: estimate(top1Agreement))
  }

  /// The smallest value that at least `share` of `values` do not exceed.
  static func percentile(_ values: [Float], _ share: Double) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return Double(sorted[min(max(rank, 1), sorted.count) - 1])
  }
}

extension MeanInterval {
  init(mean: Double, interval: Interval?) {
    self.mean = mean
    self.interval = interval
  }

  /// exp of the mean and of the interval's ends.
  var exponential: MeanInterval {
    MeanInterval(
      mean: exp(mean),
      interval: interval.map {
        Interval(lower: exp($0.lower), upper: exp($0.upper), level: $0.level)
      })
  }
}
