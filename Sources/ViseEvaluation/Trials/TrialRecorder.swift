import Glibc
import Synchronization
public import ViseCompression
import ViseEstimates
import ViseModels
public import ViseTrials

/// Keeps what one session measures in a trial store, and finds what was measured before.
///
/// A store that fails costs what it would have kept and nothing else: the fault is reported once.
public final class TrialRecorder: Sendable {
  private static let mostPlans = 2000

  private let store: TrialStore
  private let origin: String
  private let report: @Sendable (TrialStoreError) -> Void
  private let hasReported = Mutex(false)
  /// Plans read from trials at the last look, by their text.
  private let readPlans = Mutex<[String: Plan]>([:])

  /// - Parameters:
  ///   - origin: what measures, such as `workbench`.
  ///   - report: gets the first fault of the store.
  public init(
    store: TrialStore, origin: String, report: @escaping @Sendable (TrialStoreError) -> Void
  ) {
    self.store = store
    self.origin = origin
    self.report = report
  }

  /// Adds the measurement of `plan` on the first `scores.count` windows of `text`.
  public func add(
    _ plan: Plan, measured quality: MeasuredQuality, on text: EvaluationText,
    session: ModelSession
  ) {
    add(plan, measured: quality, on: text, session: session, prediction: nil)
  }

  func add(
    _ plan: Plan, measured quality: MeasuredQuality, on text: EvaluationText,
    session: ModelSession, prediction: TrialPrediction?
  ) {
    let trial = Trial(
      key: Self.key(plan, text, windows: quality.windowCount, session),
      plan: PlanFile.text(of: plan, sites: session.model.sites),
      klMean: TrialFigure(quality.klMean), perplexityRatio: TrialFigure(quality.perplexityRatio),
      agreement: TrialFigure(quality.top1Agreement), tokenCount: quality.tokenCount,
      prediction: prediction, origin: origin, date: Self.now())
    add(trial)
  }

  private func add(_ trial: Trial) {
    attempt { () throws(TrialStoreError) in try store.add(trial) }
  }

  /// Adds what `scores` say of `plan`, with as many images as tokens.
  ///
  /// - Parameters:
  ///   - model: its fingerprint.
  ///   - setting: names the graph and the calibration.
  ///   - images: names the images measured on.
  package func add(
    _ plan: Plan, sites: [Site], measured scores: ClassifierScores, model: String,
    setting: String, images: String
  ) {
    add(
      Trial(
        key: TrialKey(
          model: model, setting: setting, plan: Self.planIdentity(plan, sites: sites),
          text: images, code: MeasurementCode.version),
        plan: PlanFile.text(of: plan, sites: sites), klMean: TrialFigure(scores.divergence),
        agreement: TrialFigure(scores.agreement), tokenCount: scores.count, origin: origin,
        date: Self.now()))
  }

  /// What was measured of `plan` on all of `text`; `nil` where that was never done.
  func quality(
    of plan: Plan, on text: EvaluationText, session: ModelSession
  ) -> QualityEstimate? {
    let key = Self.key(plan, text, windows: text.windowCount, session)
    let found = attempt { () throws(TrialStoreError) in try store.trial(key) }
    guard let trial = found ?? nil else { return nil }
    let provenance = Provenance.measured(tokens: trial.tokenCount, of: trial.tokenCount)
    return QualityEstimate(
      klMean: trial.klMean.estimate(provenance),
      perplexityRatio: trial.perplexityRatio?.estimate(provenance),
      top1Agreement: trial.agreement?.estimate(provenance))
  }

  /// What was measured of plans on the tokens most of them were measured on, newest first.
  ///
  /// Plans that do not suit the model are left out.
  func measuredPlans(of session: ModelSession) -> [MeasuredPlan] {
    let found = attempt { () throws(TrialStoreError) in
      try store.trials(
        model: session.model.fingerprint, setting: session.setting, code: MeasurementCode.version,
        limit: Self.mostPlans)
    }
    let trials = Trial.comparable(found ?? [])
    let plans = plans(of: trials, sites: session.model.sites)
    return trials.compactMap { trial in
      guard let plan = plans[trial.plan] else { return nil }
      let provenance = Provenance.measured(tokens: trial.tokenCount, of: trial.tokenCount)
      return MeasuredPlan(plan: plan, klMean: trial.klMean.estimate(provenance))
    }
  }

  /// The plans of `trials` by their text; each text is read once, since the library that reads TOML
  /// does not give back all of the memory it takes.
  private func plans(of trials: [Trial], sites: [Site]) -> [String: Plan] {
    readPlans.withLock { known in
      var plans: [String: Plan] = [:]
      for trial in trials where plans[trial.plan] == nil {
        plans[trial.plan] =
          known[trial.plan] ?? (try? PlanFile(text: trial.plan, sites: sites))?.plan
      }
      known = plans
      return plans
    }
  }

  /// Trials predicted on `probe`, oldest first, as predictors learn from them.
  ///
  /// - Parameter total: tokens of the whole text, of which trials may have measured a part.
  func entries(probe: String, total: Int, session: ModelSession) -> [TrialBook.Entry] {
    let found = attempt { () throws(TrialStoreError) in
      try store.trials(
        model: session.model.fingerprint, setting: session.setting, code: MeasurementCode.version,
        probe: probe, limit: TrialBook.capacity)
    }
    let trials = Self.best(found ?? [])
    return trials.enumerated().map { index, trial in
      // Only the latest trials are compared with each other.
      let isCompared = index >= trials.count - TrialBook.comparedEntries
      return TrialBook.Entry(
        trial, sites: isCompared ? session.model.sites : [], total: total)
    }
  }

  /// Of the trials of each plan the one on most tokens, in the order of `trials`.
  private static func best(_ trials: [Trial]) -> [Trial] {
    let most = Dictionary(trials.map { ($0.key.plan, $0.tokenCount) }) { max($0, $1) }
    var seen: Set<String> = []
    return trials.reversed().filter {
      $0.tokenCount == most[$0.key.plan] && seen.insert($0.key.plan).inserted
    }.reversed()
  }

  private static func key(
    _ plan: Plan, _ text: EvaluationText, windows: Int, _ session: ModelSession
  ) -> TrialKey {
    TrialKey(
      model: session.model.fingerprint, setting: session.setting,
      plan: planIdentity(plan, sites: session.model.sites), text: text.identity(windows: windows),
      code: MeasurementCode.version)
  }

  /// Names what changes at each site; plans that do the same share it.
  static func planIdentity(_ plan: Plan, sites: [Site]) -> String {
    var hash = WordHash()
    for site in sites {
      guard let treatment = plan.ownChange(of: site) else { continue }
      hash.combine("\(site.name)\n\(treatment.name)\n")
    }
    return hash.hexadecimal
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @discardableResult
  private func attempt<Value>(_ body: () throws(TrialStoreError) -> Value) -> Value? {
    do {
      return try body()
    } catch {
      let isFirst = hasReported.withLock { reported in
        defer { reported = true }
        return !reported
      }
      if isFirst { report(error) }
      return nil
    }
  }
}

extension TrialBook.Entry {
  /// - Parameter sites: those of the model, or none where its outline is not needed.
  fileprivate init(_ trial: Trial, sites: [Site], total: Int) {
    let alone = trial.prediction?.alone ?? [:]
    let kl = MeanInterval(
      mean: trial.klMean.value, interval: trial.klMean.estimate(.exact).interval)
    let left = max(0, 1 - Double(trial.tokenCount) / Double(max(total, 1))).squareRoot()
    self.init(
      plan: trial.key.plan,
      outline: PlanOutline(
        treatments: sites.map { alone[$0.name].flatMap { Treatment(name: $0.treatment) } },
        alone: sites.map { alone[$0.name]?.klMean ?? 0 }),
      predicted: [
        trial.prediction?.throughHead ?? 0, trial.prediction?.instant ?? 0,
        trial.prediction?.run ?? 0,
      ],
      measured: trial.klMean.value, deviation: kl.relativeDeviation * left)
  }
}

extension TrialFigure {
  fileprivate init(_ mean: MeanInterval) {
    self.init(
      value: mean.mean, lower: mean.interval?.lower, upper: mean.interval?.upper,
      level: mean.interval?.level)
  }

  fileprivate func estimate(_ provenance: Provenance) -> Estimate {
    var interval: Interval?
    if let lower, let upper, let level, lower <= upper, level > 0, level < 1 {
      interval = Interval(lower: lower, upper: upper, level: level)
    }
    return Estimate(value: value, interval: interval, provenance: provenance)
  }
}
