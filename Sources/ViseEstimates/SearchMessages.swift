public import ViseCompression

/// Limits on a plan; within those of cost the best quality is wanted.
public struct PlanLimits: Hashable, Sendable {
  /// Bytes of the exported file.
  public var byteCount: Int?
  /// Seconds to decode a token on this machine.
  public var decodeSeconds: Double?
  /// Mean KL divergence in nats; alone, the smallest file that keeps it is wanted.
  public var klMean: Double?

  public init(byteCount: Int? = nil, decodeSeconds: Double? = nil, klMean: Double? = nil) {
    self.byteCount = byteCount
    self.decodeSeconds = decodeSeconds
    self.klMean = klMean
  }

  public var isEmpty: Bool { self == PlanLimits() }
}

/// What fitting a plan to limits came to.
public enum FitOutcome: Hashable, Sendable {
  /// The plan, and of its `total` chosen layers those whose loss was `guessed` rather than measured.
  case fitted(Plan, guessed: Int, total: Int)
  /// Why no plan was made, such as what could be reached at least.
  case refused(String)
}

/// A search that is wanted.
public struct SearchWish: Hashable, Sendable {
  /// Treatments that stand; all other sites are chosen for.
  public let base: Plan
  public let limits: PlanLimits
  public let seconds: Double
  public let seed: UInt64

  public init(base: Plan, limits: PlanLimits, seconds: Double, seed: UInt64) {
    self.base = base
    self.limits = limits
    self.seconds = seconds
    self.seed = seed
  }
}

/// A plan with its measured quality.
public struct MeasuredPlan: Hashable, Sendable {
  public let plan: Plan
  /// Mean KL in nats.
  public let klMean: Estimate

  public init(plan: Plan, klMean: Estimate) {
    self.plan = plan
    self.klMean = klMean
  }
}

/// How far a search is, and the best it has.
public struct SearchSnapshot: Hashable, Sendable {
  /// What it does now.
  public enum Stage: Hashable, Sendable {
    /// Measuring what layers lose alone; so many are left before plans are measured.
    case surveying(waiting: Int)
    case measuring
    case finished
  }

  /// The best loss after some plans.
  public struct CurvePoint: Hashable, Sendable {
    public let trial: Int
    /// Mean KL in nats.
    public let loss: Double

    public init(trial: Int, loss: Double) {
      self.trial = trial
      self.loss = loss
    }
  }

  public let stage: Stage
  /// Plans measured.
  public let trials: Int
  public let seconds: Double
  public let secondsLimit: Double
  public let strategy: String
  public let best: MeasuredPlan?
  public let curve: [CurvePoint]

  public init(
    stage: Stage, trials: Int, seconds: Double, secondsLimit: Double, strategy: String,
    best: MeasuredPlan?, curve: [CurvePoint]
  ) {
    self.stage = stage
    self.trials = trials
    self.seconds = seconds
    self.secondsLimit = secondsLimit
    self.strategy = strategy
    self.best = best
    self.curve = curve
  }
}
