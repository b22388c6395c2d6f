/// All that a measured figure follows from: equal keys give equal figures.
public struct TrialKey: Hashable, Sendable {
  /// Names the model's contents.
  public var model: String
  /// Names the calibration and the arithmetic.
  public var setting: String
  /// Names what changes at each site.
  public var plan: String
  /// Names the tokens measured on and how they are cut into windows.
  public var text: String
  /// Names what of the program influences a measurement.
  public var code: String

  public init(model: String, setting: String, plan: String, text: String, code: String) {
    self.model = model
    self.setting = setting
    self.plan = plan
    self.text = text
    self.code = code
  }
}

/// A mean with the ends of its interval, where one is known.
public struct TrialFigure: Hashable, Sendable, Codable {
  public var value: Double
  public var lower: Double?
  public var upper: Double?
  /// The probability that the interval holds the true value.
  public var level: Double?

  public init(value: Double, lower: Double? = nil, upper: Double? = nil, level: Double? = nil) {
    self.value = value
    self.lower = lower
    self.upper = upper
    self.level = level
  }
}

/// What was foretold of a plan before it was measured.
public struct TrialPrediction: Hashable, Sendable {
  /// Names the tokens predictions are made on.
  public var probe: String
  /// Mean KL by superposition through the whole head, in nats, before any correction.
  public var throughHead: Double
  /// The same in the logits of drawn tokens.
  public var instant: Double
  /// Mean KL of the plan run on the probe; `nil` where it was not.
  public var run: Double?
  /// What each treated site does alone, by the site's name.
  public var alone: [String: SiteShare]

  /// What one site's treatment does alone.
  public struct SiteShare: Hashable, Sendable, Codable {
    /// The treatment's name.
    public var treatment: String
    /// Mean KL in nats.
    public var klMean: Double

    public init(treatment: String, klMean: Double) {
      self.treatment = treatment
      self.klMean = klMean
    }
  }

  public init(
    probe: String, throughHead: Double, instant: Double, run: Double? = nil,
    alone: [String: SiteShare]
  ) {
    self.probe = probe
    self.throughHead = throughHead
    self.instant = instant
    self.run = run
    self.alone = alone
  }
}

/// One plan with what was measured of it.
public struct Trial: Hashable, Sendable {
  public var key: TrialKey
  /// The plan as TOML.
  public var plan: String
  /// Mean over scored tokens of KL(reference‖plan), in nats.
  public var klMean: TrialFigure
  /// Perplexity under the plan divided by the reference's.
  public var perplexityRatio: TrialFigure?
  /// Share of scored tokens at which both prefer the same token.
  public var agreement: TrialFigure?
  /// Tokens fed, context included.
  public var tokenCount: Int
  /// `nil` where nothing was predicted.
  public var prediction: TrialPrediction?
  /// What measured it, such as `workbench`.
  public var origin: String
  /// Seconds since 1970.
  public var date: Double

  public init(
    key: TrialKey, plan: String, klMean: TrialFigure, perplexityRatio: TrialFigure? = nil,
    agreement: TrialFigure? = nil, tokenCount: Int, prediction: TrialPrediction? = nil,
    origin: String, date: Double
  ) {
    self.key = key
    self.plan = plan
    self.klMean = klMean
    self.perplexityRatio = perplexityRatio
    self.agreement = agreement
    self.tokenCount = tokenCount
    self.prediction = prediction
    self.origin = origin
    self.date = date
  }
}

extension Trial {
  /// Of `trials` those that differ in nothing but the plan: of the largest such group.
  public static func comparable(_ trials: [Trial]) -> [Trial] {
    let groups = Dictionary(grouping: trials) { trial in
      [trial.key.model, trial.key.text, trial.key.setting, trial.key.code]
    }
    return groups.max { a, b in
      (a.value.count, b.key.joined()) < (b.value.count, a.key.joined())
    }?.value ?? []
  }
}
