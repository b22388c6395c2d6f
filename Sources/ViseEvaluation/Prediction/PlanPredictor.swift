import Synchronization
public import ViseCompression
public import ViseEstimates
import ViseModels
public import ViseTensor

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

  /// Runs the reference over a probe of a few hundred of `tokens`.
  public init(
    session: ModelSession, tokens: [Int32], firstToken: Int32?, seed: UInt64 = 1,
    cancellation: CancellationFlag
  ) throws {
    guard tokens.count >= Probe.sequenceLength else {
      throw EvaluationError.textTooShort(tokens: tokens.count, needed: Probe.sequenceLength)
    }
    self.session = session
    probe = try Probe(
      session: session, tokens: tokens, firstToken: firstToken, seed: seed,
      cancellation: cancellation)
    workers = WorkerSet(session: session)
    effects = SiteEffects()
  }

  /// Tokens of the probe that are scored.
  public var scoredTokenCount: Int { probe.rowCount }

  /// Treated sites of `plan` whose effect is not known yet.
  public func missingEffects(of plan: Plan) -> [(Site, Treatment)] {
    session.model.sites.compactMap { site in
      guard let treatment = plan.ownChange(of: site),
        effects.measured(site: site.index, treatment: treatment) == nil
      else { return nil }
      return (site, treatment)
    }
  }

  /// Runs the probe with only `site` treated and stores the effect.
  @discardableResult
  public func measureEffect(
    of site: Site, under treatment: Treatment, cancellation: CancellationFlag
  ) throws -> SiteSensitivity {
    let plan = Plan(treatments: [site.name: treatment])
    let features = try features(under: plan, cancellation: cancellation)
    let divergences = try divergences(features, plan: plan, cancellation: cancellation)
    let kl = meanInterval(divergences)
    let change = features.minus(probe.reference.features)
    effects.insert(
      SiteEffect(
        shift: FeatureShift(change), drawnShifts: probe.sampledHead.shifts(of: change),
        klMean: max(0, kl.mean)),
      site: site, treatment: treatment)
    return SiteSensitivity(siteIndex: site.index, treatment: treatment, klMean: estimate(kl))
  }

  /// Quality of `plan` by superposition through the real head.
  ///
  /// - Precondition: every effect of `plan` has been measured.
  public func predict(_ plan: Plan, cancellation: CancellationFlag) throws -> QualityEstimate {
    let features = probe.reference.features.copy()
    for site in session.model.sites {
      guard let treatment = plan.ownChange(of: site) else { continue }
      guard let effect = effects.measured(site: site.index, treatment: treatment) else {
        preconditionFailure("effects are measured before a plan is predicted")
      }
      effect.shift.add(to: features.pointer, factor: 1)
    }
    let kl = meanInterval(try divergences(features, plan: plan, cancellation: cancellation))
    return QualityEstimate(klMean: estimate(kl))
  }

  /// KL of `plan` really run on the probe, for judging predictions on the same tokens.
  public func measureOnProbe(_ plan: Plan, cancellation: CancellationFlag) throws -> Double {
    let features = try features(under: plan, cancellation: cancellation)
    return meanInterval(try divergences(features, plan: plan, cancellation: cancellation)).mean
  }

  /// A predictor for the screen's thread that knows what this one learns.
  public func instantPredictor(latency: any LatencyPredicting) -> InstantPlanPredictor {
    InstantPlanPredictor(
      sites: session.model.sites, headSite: session.headSite, effects: effects,
      shiftCount: probe.sampledHead.shiftCount, rows: probe.rowCount, latency: latency)
  }

  /// Scored features of the probe under `plan`, each batch from its last cut before the change.
  private func features(under plan: Plan, cancellation: CancellationFlag) throws -> Matrix {
    let weights = try session.prepare(plan, cancellation: cancellation)
    let cut = session.lastCut(before: plan, from: Plan())
    let parts = Mutex<[Int: Matrix]>([:])
    try session.pool.forEach(probe.batches.count) { item, worker in
      let batch = probe.batches[item]
      let start = cut.flatMap { cut in
        batch.cuts[cut].map { ActivationCheckpoint(cut: cut, value: $0) }
      }
      let features = try workers.with(worker) { worker in
        try worker.executor.features(
          of: batch.tokens, weights: weights, from: start, cancellation: cancellation)
      }
      parts.withLock { $0[item] = Probe.scoredRows(features, text: probe.text) }
    }
    return Probe.stack(
      parts.withLock { parts in probe.batches.indices.compactMap { parts[$0] } })
  }

  private func divergences(
    _ features: Matrix, plan: Plan, cancellation: CancellationFlag
  ) throws -> [Float] {
    let scorer = ParallelScorer(pool: session.pool, workers: workers)
    let weights = try session.prepare(plan, cancellation: cancellation)
    let headKey = session.program.graph.head
    let head = try weights.weight(headKey)
    let scores = try scorer.score(
      features, head: head, targets: probe.targets, cancellation: cancellation)
    var expected: Matrix?
    if let site = session.headSite, plan.change(of: site) != nil {
      expected = try scorer.expectation(
        of: head, under: probe.reference.features, head: try session.weights.weight(headKey),
        logSumExp: probe.reference.logSumExp, cancellation: cancellation)
    }
    return Divergence.rows(
      reference: probe.reference, features: features, logSumExp: scores.logSumExp,
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

  private func estimate(_ kl: MeanInterval) -> Estimate {
    Estimate(
      value: kl.mean, interval: kl.interval, provenance: .predicted(tokens: probe.rowCount))
  }
}
