/// What one window of text says about a plan; windows are the sampling unit.
public struct WindowScore: Hashable, Sendable {
  public let window: Int
  /// Sum of −log p over the scored tokens under the plan, in nats.
  public let negativeLogLikelihood: Double
  /// The same under the reference.
  public let referenceNegativeLogLikelihood: Double
  /// KL(reference‖plan) at each scored token, in nats.
  public let divergences: [Float]
  /// Scored tokens at which both prefer the same token.
  public let agreements: Int

  public init(
    window: Int, negativeLogLikelihood: Double, referenceNegativeLogLikelihood: Double,
    divergences: [Float], agreements: Int
  ) {
    self.window = window
    self.negativeLogLikelihood = negativeLogLikelihood
    self.referenceNegativeLogLikelihood = referenceNegativeLogLikelihood
    self.divergences = divergences
    self.agreements = agreements
  }

  public var scoredCount: Int { divergences.count }
}
