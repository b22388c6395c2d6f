public import ViseCompression
import ViseEstimates
import ViseModels
public import ViseTensor

/// Finds which of two plans or models is better, on no more of a text than that takes.
public struct Comparison {
  /// What is compared.
  public enum Contender {
    /// A plan for the reference's model.
    case plan(Plan)
    /// A model of its own.
    case model(PlanEvaluator)
  }

  /// The figure that decides; less is better in both.
  public enum Metric: Sendable {
    /// Mean KL divergence from the reference, in nats.
    case divergence
    /// Mean −log p of the text's tokens, in nats.
    case logLoss
  }

  /// What the comparison came to.
  public enum Verdict: Hashable, Sendable {
    /// No token of any window told the two apart.
    case identical
    case firstIsBetter
    case secondIsBetter
    /// They differ by less than the margin.
    case equivalent
    /// The interval of the difference holds 0, and there is no more text.
    case undecided
  }

  /// One contender's figures on the windows measured.
  public struct Side: Sendable {
    public let logLoss: MeanInterval
    /// `nil` without a reference.
    public let divergence: MeanInterval?
    /// What was measured of a plan.
    public let quality: MeasuredQuality?
  }

  public struct Outcome: Sendable {
    public let verdict: Verdict
    public let first, second: Side
    /// Second − first, in nats.
    public let logLoss: PairedDifference
    public let divergence: PairedDifference?
    public let windows, totalWindows: Int
    /// That of the intervals, corrected for the number of looks.
    public let lookLevel: Double
  }

  /// Sums over one window's scored tokens.
  struct Score {
    let logLoss: Double
    let divergence: Double?
    let tokens: Int
    let full: WindowScore?
  }

  let reference: PlanEvaluator?
  let contenders: [Contender]
  let text: EvaluationText

  /// - Parameter reference: what divergences are from; needed where a contender is a plan.
  public init(reference: PlanEvaluator?, first: Contender, second: Contender, text: EvaluationText)
  {
    self.reference = reference
    self.contenders = [first, second]
    self.text = text
  }

  /// Measures both on more and more windows until a look of `schedule` settles the question.
  ///
  /// `progress` gets the windows that both were measured on.
  public func run(
    metric: Metric, margin: Double?, schedule: LookSchedule, cancellation: CancellationFlag,
    progress: (Int) -> Void
  ) throws -> Outcome {
    var scores: [[Score]] = [[], []]
    var outcome: Outcome?
    for look in schedule.looks {
      while scores[0].count < look.windows {
        let start = scores[0].count
        let windows = start..<min(start + Self.chunk, look.windows)
        for (index, contender) in contenders.enumerated() {
          scores[index] += try measure(contender, windows, cancellation)
        }
        progress(windows.upperBound)
      }
      let found = judge(scores, metric, margin, look.level)
      outcome = found
      // Figures that agree so far are no proof, unless nothing differs that could make figures differ.
      let isOpen = found.verdict == .identical && !areSamePlan
      if found.verdict != .undecided && !isOpen { return found }
    }
    guard let outcome else { preconditionFailure("a schedule has a look") }
    return outcome
  }

  private var areSamePlan: Bool {
    guard let sites = reference?.session.model.sites, case .plan(let first) = contenders[0],
      case .plan(let second) = contenders[1]
    else { return false }
    return sites.allSatisfy { first.change(of: $0) == second.change(of: $0) }
  }

  /// Windows that one contender is measured on before the other: those behind the last common cut
  /// start from its activations.
  private static let chunk = 8

  private func measure(
    _ contender: Contender, _ windows: Range<Int>, _ cancellation: CancellationFlag
  ) throws -> [Score] {
    switch contender {
    case .plan(let plan):
      guard let reference else { preconditionFailure("a plan is compared by its reference") }
      return try reference.measure(plan, windows: windows, cancellation: cancellation).map(
        Score.init)
    case .model(let model):
      if let reference {
        return try reference.measure(model, windows: windows, cancellation: cancellation)
          .map(Score.init)
      }
      return try model.referenceLikelihoods(windows: windows, cancellation: cancellation).map {
        Score(
          logLoss: $0, divergence: nil, tokens: text.scoredPositions.count, full: nil)
      }
    }
  }

  private func judge(
    _ scores: [[Score]], _ metric: Metric, _ margin: Double?, _ level: Double
  ) -> Outcome {
    let weights = scores[0].map { Double($0.tokens) }
    func difference(_ value: (Score) -> Double) -> PairedDifference {
      PairedDifference(
        first: scores[0].map(value), second: scores[1].map(value), weights: weights, level: level)
    }
    let logLoss = difference(\.logLoss)
    let divergence = reference == nil ? nil : difference { $0.divergence ?? 0 }
    let deciding = metric == .divergence ? divergence ?? logLoss : logLoss
    let isIdentical = zip(scores[0], scores[1]).allSatisfy { $0.isEqual(to: $1) }
    let sides = scores.map { Side($0, weights, level, text.windowLength) }
    return Outcome(
      verdict: isIdentical ? .identical : Self.verdict(deciding.paired.interval, margin),
      first: sides[0], second: sides[1], logLoss: logLoss, divergence: divergence,
      windows: weights.count, totalWindows: text.windowCount, lookLevel: level)
  }

  static func verdict(_ interval: Interval?, _ margin: Double?) -> Verdict {
    guard let interval else { return .undecided }
    if let margin, interval.lower > -margin, interval.upper < margin { return .equivalent }
    if interval.lower > 0 { return .firstIsBetter }
    return interval.upper < 0 ? .secondIsBetter : .undecided
  }
}

extension Comparison.Score {
  init(_ score: WindowScore) {
    self.init(
      logLoss: score.negativeLogLikelihood,
      divergence: score.divergences.reduce(0.0) { $0 + Double($1) }, tokens: score.scoredCount,
      full: score)
  }

  /// The same at every token, as far as tokens are known.
  fileprivate func isEqual(to other: Self) -> Bool {
    logLoss == other.logLoss && full?.divergences == other.full?.divergences
  }
}

extension Comparison.Side {
  fileprivate init(
    _ scores: [Comparison.Score], _ weights: [Double], _ level: Double, _ windowLength: Int
  ) {
    logLoss = MeanInterval(sums: scores.map(\.logLoss), weights: weights, level: level)
    let divergences = scores.compactMap(\.divergence)
    divergence =
      divergences.count == scores.count
      ? MeanInterval(sums: divergences, weights: weights, level: level) : nil
    let full = scores.compactMap(\.full)
    quality =
      full.count == scores.count ? MeasuredQuality(full, windowLength: windowLength) : nil
  }
}
