import Synchronization
public import ViseCompression
public import ViseEstimates
import ViseModels
public import ViseTensor
import ViseTrials

/// Predicts a plan's quality from the effects of its sites alone: feature superposition.
///
/// Final features under a plan are taken as the reference's plus the sum of the changes each
/// treated site makes alone; the real head then turns them into a divergence, so the interactions
/// that go through the softmax are exact.
public final class PlanPredictor: Sendable {
  private let session: ModelSession
  let probe: Probe
  private let workers: WorkerSet
  public let effects: SiteEffects
  let trials: TrialBook
  private let files: EffectFiles?
  private let recorder: TrialRecorder?
  /// What the reference expects of the head treated last: two thirds of the work of a figure under
  /// a changed head, and the same for every edit elsewhere.
  private let expectedHeads = Mutex<(treatment: Treatment, expected: Matrix)?>(nil)
  /// The plan run on the probe last.
  private let lastRun = Mutex<(plan: Plan, kl: MeanInterval)?>(nil)
  private let context: EffectFiles.Context
  /// Names the probe and the rule predictions are made by, for trials to be compared with.
  private let predictionIdentity: String

  /// Runs the reference over a probe of a few hundred of `tokens`.
  ///
  /// - Parameters:
  ///   - files: where effects are kept beyond this session.
  ///   - recorder: where trials are kept beyond this session.
  public init(
    session: ModelSession, tokens: [Int32], firstToken: Int32?, seed: UInt64 = 1,
    files: EffectFiles? = nil, recorder: TrialRecorder? = nil, cancellation: CancellationFlag
  ) throws {
    guard tokens.count >= Probe.sequenceLength else {
      throw EvaluationError.textTooShort(tokens: tokens.count, needed: Probe.sequenceLength)
    }
    self.session = session
    probe = try Probe(
      session: session, tokens: tokens, firstToken: firstToken, seed: seed,
      cancellation: cancellation)
    workers = WorkerSet(session: session)
    effects = SiteEffects(
      standing: Self.standingFormats(session.model.sites),
      capacity: Self.effectCapacity(
        sites: session.model.sites.count, values: probe.features.count))
    context = EffectFiles.Context(
      identity: "\(session.identity) \(probe.identity)",
      featureCount: probe.features.count, shiftCount: probe.sampledHead.shiftCount)
    self.files = files
    self.recorder = recorder
    predictionIdentity = "\(probe.identity) \(JointDivergence.name)"
    trials = TrialBook(
      recorder?.entries(probe: predictionIdentity, total: tokens.count, session: session) ?? [])
  }

  /// Bytes that effects of treatments other than the digit keys' formats may take, unless a plan
  /// needs more.
  private static let effectByteBudget = 64 << 20

  /// The formats the digit keys stand for, which are measured for every site in the end.
  private static func standingFormats(_ sites: [Site]) -> Set<NumberFormat> {
    Set(
      DefaultFormat.bitWidths.compactMap { DefaultFormat.asked(bits: $0) }.flatMap { asked in
        sites.compactMap { DefaultFormat.resolve(asked, for: $0)?.used }
      })
  }

  private static func effectCapacity(sites: Int, values: Int) -> Int {
    max(4 * sites, effectByteBudget / max(values * 2, 1))
  }

  /// The site whose values are the head's.
  var headSiteIndex: Int? { session.headSite?.index }

  /// Tokens of the probe that are scored.
  public var scoredTokenCount: Int { probe.rowCount }

  /// Treated sites of `plan` whose effect is not known yet, or no longer; those that are stay known
  /// while the rest is measured.
  public func missingEffects(of plan: Plan) -> [(Site, Treatment)] {
    session.model.sites.compactMap { site in
      guard let treatment = plan.ownChange(of: site),
        !effects.use(site: site.index, treatment: treatment)
      else { return nil }
      return (site, treatment)
    }
  }

  /// Takes an effect known from an earlier session; false where there is none.
  func restoreEffect(of site: Site, under treatment: Treatment) -> SiteSensitivity? {
    // What a shared basis does depends on sites the treatment's name does not tell.
    guard !treatment.sharesBasis,
      let effect = files?.effect(of: site.name, treatment.name, in: context)
    else { return nil }
    effects.insert(effect, site: site, treatment: treatment)
    return SiteSensitivity(
      siteIndex: site.index, treatment: treatment, klMean: estimate(effect.kl))
  }

  /// Runs the probe with only `site` treated and stores the effect, unless that was done before.
  @discardableResult
  public func measureEffect(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> SiteSensitivity {
    if let known = restoreEffect(of: site, under: treatment) { return known }
    let plan = Plan(only: site.name, treatment: treatment)
    let features = try features(under: plan, cancellation: cancellation)
    let divergences = try divergences(features, plan: plan, cancellation: cancellation)
    let kl = meanInterval(divergences)
    let change = features.minus(probe.features)
    let effect = SiteEffect(
      shift: FeatureShift(change), drawnShifts: probe.sampledHead.shifts(of: change), kl: kl)
    effects.insert(effect, site: site, treatment: treatment)
    if !treatment.sharesBasis {
      files?.insert(effect, of: site.name, treatment.name, in: context)
    }
    return SiteSensitivity(siteIndex: site.index, treatment: treatment, klMean: estimate(kl))
  }

  /// Quality of `plan` by superposition through the real head, as trials have corrected it.
  ///
  /// - Precondition: every effect of `plan` has been measured.
  public func predict(_ plan: Plan, cancellation: CancellationFlag) throws -> QualityEstimate {
    let kl = try superpose(plan, cancellation: cancellation)
    return QualityEstimate(
      klMean: trials.estimate(
        kl.mean, samplingDeviation: kl.relativeDeviation, tier: .probe, outline: outline(of: plan),
        provenance: .predicted(tokens: probe.rowCount)))
  }

  /// Quality of `plan` from running it on the probe, as trials have corrected it: dearer than
  /// `predict`, it holds all that sites do to each other.
  ///
  /// - Precondition: every effect of `plan` has been measured.
  public func run(_ plan: Plan, cancellation: CancellationFlag) throws -> QualityEstimate {
    let kl = try runOnProbe(plan, cancellation: cancellation)
    return QualityEstimate(
      klMean: trials.estimate(
        kl.mean, samplingDeviation: kl.relativeDeviation, tier: .run, outline: outline(of: plan),
        provenance: .predicted(tokens: probe.rowCount)))
  }

  /// KL of `plan` run on the probe, with the interval over the probe's sequences.
  func runOnProbe(_ plan: Plan, cancellation: CancellationFlag) throws -> MeanInterval {
    if let known = lastRun.withLock({ $0?.plan == plan ? $0?.kl : nil }) { return known }
    let features = try features(under: plan, cancellation: cancellation)
    let kl = meanInterval(try divergences(features, plan: plan, cancellation: cancellation))
    lastRun.withLock { $0 = (plan, kl) }
    return kl
  }

  /// The plan by its sites.
  ///
  /// - Precondition: every effect of `plan` has been measured.
  func outline(of plan: Plan) -> PlanOutline {
    let treatments = session.model.sites.map { plan.ownChange(of: $0) }
    let alone = zip(session.model.sites, treatments).map { site, treatment in
      treatment.flatMap { effects.measured(site: site.index, treatment: $0)?.klMean } ?? 0
    }
    return PlanOutline(treatments: treatments, alone: alone)
  }

  /// As `predict`, before any correction, with the interval over the probe's sequences.
  func superpose(_ plan: Plan, cancellation: CancellationFlag) throws -> MeanInterval {
    let features = probe.features.copy()
    var alone = 0.0
    for site in session.model.sites {
      guard let treatment = plan.ownChange(of: site) else { continue }
      guard let effect = effects.measured(site: site.index, treatment: treatment) else {
        preconditionFailure("effects are measured before a plan is predicted")
      }
      effect.shift.add(to: features.pointer, factor: 1)
      alone += effect.klMean
    }
    var headPlan = Plan()
    if let head = session.headSite, let treatment = plan.ownChange(of: head) {
      headPlan[head.name] = treatment
    }
    let superposed = meanInterval(
      try divergences(features, plan: headPlan, cancellation: cancellation))
    guard superposed.mean > 0 else { return superposed }
    return superposed.scaled(
      by: JointDivergence.mean(superposed: superposed.mean, alone: alone) / superposed.mean)
  }

  /// Learns from `plan` having been measured on the first windows of `text`, and keeps the trial.
  func learn(
    _ plan: Plan, measured quality: MeasuredQuality, on text: EvaluationText,
    instant: InstantPlanPredictor, cancellation: CancellationFlag
  ) throws {
    guard missingEffects(of: plan).isEmpty, let quick = instant.superpose(plan) else {
      recorder?.add(plan, measured: quality, on: text, session: session)
      return
    }
    let outline = outline(of: plan)
    let predicted = try superpose(plan, cancellation: cancellation).mean
    let run = try runOnProbe(plan, cancellation: cancellation).mean
    let left = (1 - Double(quality.windowCount) / Double(text.windowCount)).squareRoot()
    trials.record(
      TrialBook.Entry(
        plan: TrialRecorder.planIdentity(plan, sites: session.model.sites), outline: outline,
        predicted: [predicted, quick, run], measured: quality.klMean.mean,
        deviation: quality.klMean.relativeDeviation * left))
    recorder?.add(
      plan, measured: quality, on: text, session: session,
      prediction: TrialPrediction(
        probe: predictionIdentity, throughHead: predicted, instant: quick, run: run,
        alone: shares(of: outline)))
  }

  private func shares(of outline: PlanOutline) -> [String: TrialPrediction.SiteShare] {
    var shares: [String: TrialPrediction.SiteShare] = [:]
    for (index, site) in session.model.sites.enumerated() {
      guard let treatment = outline.treatments[index] else { continue }
      shares[site.name] = TrialPrediction.SiteShare(
        treatment: treatment.name, klMean: outline.alone[index])
    }
    return shares
  }

  /// KL of `plan` really run on the probe, for judging predictions on the same tokens.
  public func measureOnProbe(_ plan: Plan, cancellation: CancellationFlag) throws -> Double {
    let features = try features(under: plan, isRounded: false, cancellation: cancellation)
    return meanInterval(
      try divergences(features, plan: plan, isRounded: false, cancellation: cancellation)
    ).mean
  }

  /// A predictor for the screen's thread that knows what this one learns.
  public func instantPredictor(latency: any LatencyPredicting) -> InstantPlanPredictor {
    InstantPlanPredictor(
      sites: session.model.sites, headSite: session.headSite, effects: effects,
      trials: trials,
      shiftCount: probe.sampledHead.shiftCount, rows: probe.rowCount,
      sequences: probe.text.windowCount, latency: latency)
  }

  /// Scored features of the probe under `plan`, each batch from its last cut before the change.
  ///
  /// - Parameter isRounded: whether products of changes may be rounded, which is faster.
  private func features(
    under plan: Plan, isRounded: Bool = true, cancellation: CancellationFlag
  ) throws -> Matrix {
    let weights = try session.prepare(plan, cancellation: cancellation)
    let cut = session.lastCut(before: plan, from: Plan())
    let changed = Set(weights.changes.flatMap { [$0.0.name] + ($0.0.bias.map { [$0] } ?? []) })
    let parts = Mutex<[Int: Matrix]>([:])
    try session.pool.forEach(probe.batches.count) { item, worker in
      let batch = probe.batches[item]
      let start = cut.flatMap { cut in
        batch.cuts[cut].map { ActivationCheckpoint(cut: cut, value: $0) }
      }
      let features = try workers.with(worker) { worker in
        try worker.executor.features(
          of: batch.tokens, weights: weights, from: start,
          changing: isRounded ? probe.knownPass(of: batch, changed: changed) : nil,
          cancellation: cancellation)
      }
      parts.withLock { $0[item] = Probe.scoredRows(features, text: probe.text) }
    }
    return Probe.stack(
      parts.withLock { parts in probe.batches.indices.compactMap { parts[$0] } })
  }

  private func divergences(
    _ features: Matrix, plan: Plan, isRounded: Bool = true, cancellation: CancellationFlag
  ) throws -> [Float] {
    let treatment = session.headSite.flatMap { plan.change(of: $0) }
    if isRounded, treatment == nil, let distributions = probe.distributions {
      return try distributions.divergences(
        under: features, pool: session.pool, cancellation: cancellation)
    }
    let scorer = ParallelScorer(pool: session.pool, workers: workers)
    let headKey = session.program.graph.head
    let referenceHead = try session.weights.weight(headKey)
    let reference = try probe.scores(
      head: referenceHead, scorer: scorer, cancellation: cancellation)
    let weights = try session.prepare(plan, cancellation: cancellation)
    let head = try weights.weight(headKey)
    let scores = try scorer.score(
      features, head: head, targets: probe.targets, cancellation: cancellation)
    var expected: Matrix?
    if let treatment {
      expected = expectedHeads.withLock { $0?.treatment == treatment ? $0?.expected : nil }
      if expected == nil {
        let made = try scorer.expectation(
          of: head, under: probe.features, head: referenceHead,
          logSumExp: reference.logSumExp, cancellation: cancellation)
        expectedHeads.withLock { $0 = (treatment, made) }
        expected = made
      }
    }
    return Divergence.rows(
      reference: reference, features: features, logSumExp: scores.logSumExp,
      expectedUnderChangedHead: expected)
  }

  /// The mean with its interval over sequences.
  private func meanInterval(_ divergences: [Float]) -> MeanInterval {
    let size = probe.rowsPerSequence
    let sums = stride(from: 0, to: divergences.count, by: size).map { start in
      divergences[start..<start + size].reduce(0.0) { $0 + Double($1) }
    }
    return MeanInterval(sums: sums, weights: sums.map { _ in Double(size) })
  }

  /// Effects that became known since the last call, whoever asked for them.
  func takeNewEffects() -> [SiteSensitivity] {
    effects.takeNews().map { site, treatment, effect in
      SiteSensitivity(siteIndex: site, treatment: treatment, klMean: estimate(effect.kl))
    }
  }

  private func estimate(_ kl: MeanInterval) -> Estimate {
    Estimate(
      value: kl.mean, interval: kl.interval, provenance: .predicted(tokens: probe.rowCount))
  }
}
