/// How a model is trained.
public struct TrainingOptions: Hashable, Sendable {
  /// How weights follow their gradients.
  public enum Method: Hashable, Sendable {
    /// Stochastic gradient descent with Nesterov's momentum.
    case sgd(momentum: Float)
    case adam(beta1: Float, beta2: Float)
  }

  public var method: Method = .sgd(momentum: 0.9)
  public var schedule: LearningRate.Schedule = .cosine
  /// The largest learning rate.
  public var rate: Float = 0.02
  /// The factor by which filters and matrices shrink at a rate of 1.
  public var decay: Float = 5e-4
  /// The norm to which gradients of all parameters together are cut.
  public var gradientLimit: Float = 5
  public var epochs = 5
  /// Examples of one step.
  public var batchLength = 128
  /// Examples of a batch that one thread takes at once, and whose statistics normalizations use.
  public var partLength = 32
  public var loss = DistillationLoss()
  public var augmentation = ImageAugmentation()
  public var seed: UInt64 = 1

  public init() {}
}

/// The learning rate over a run.
public struct LearningRate: Hashable, Sendable {
  public enum Schedule: String, Hashable, Sendable, CaseIterable {
    /// Half a cosine to zero after a short linear rise: Loshchilov and Hutter, "SGDR" (2017).
    case cosine
    /// A long linear rise, then half a cosine to zero: Smith and Topin, "Super-Convergence" (2018).
    case oneCycle = "one-cycle"
    case constant
  }

  public let schedule: Schedule
  /// The largest rate.
  public let peak: Float
  public let stepCount: Int

  public init(_ schedule: Schedule, peak: Float, stepCount: Int) {
    self.schedule = schedule
    self.peak = peak
    self.stepCount = stepCount
  }

  /// The rate of step `step`, counted from 0.
  public func rate(at step: Int) -> Float {
    let share: Double
    switch schedule {
    case .constant: return peak
    case .cosine: share = 0.05
    case .oneCycle: share = 0.3
    }
    let rise = max(1, Double(stepCount) * share)
    let place = Double(step) + 0.5
    if place < rise { return peak * Float(place / rise) }
    let progress = (place - rise) / max(Double(stepCount) - rise, 1)
    return peak * Float(0.5 * (1 + cosine(.pi * min(progress, 1))))
  }
}
