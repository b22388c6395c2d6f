import ViseCompression
import ViseEstimates
import ViseGraphs
import ViseTensor

/// Chooses and runs the next piece of evaluation of a classifier, most wanted first.
///
/// The order: effects the current plan needs, its prediction, a first measurement, the formats of the
/// sites the user looks at, the full measurement, the time of an image, the rest of the sites.
final class GraphEvaluation {
  let predictor: ClassifierPredictor
  private let instant: InstantGraphPredictor
  let evaluator: ClassifierEvaluator
  private let timer: GraphTimer
  private let calibration: (any CalibrationSource)?
  private let emit: @Sendable (EngineEvent) -> Void
  private var scores: [Plan: ClassifierScores] = [:]
  private var scoredPlans: [Plan] = []
  /// The graph of the plan looked at last.
  private var current: (plan: Plan, graph: PlannedGraph)?
  private var predictedRevision: PlanRevision?
  private var announced: (revision: PlanRevision, images: Int)?
  private var timed: [Plan: LatencyEstimate] = [:]
  private var timedRevision: PlanRevision?
  /// What measured plans taught, by plan.
  private var trials: [Plan: PredictionTrial] = [:]
  private var drops: DropLearner

  /// Images of a first measurement, and of each step of the full one.
  private static let stepImages = 512
  /// Plans whose scores are kept, so that undo shows a measured figure at once.
  private static let keptPlans = 64

  init(
    predictor: ClassifierPredictor, instant: InstantGraphPredictor,
    evaluator: ClassifierEvaluator, timer: GraphTimer, calibration: (any CalibrationSource)?,
    emit: @escaping @Sendable (EngineEvent) -> Void
  ) {
    self.predictor = predictor
    self.instant = instant
    self.evaluator = evaluator
    self.timer = timer
    self.calibration = calibration
    self.emit = emit
    drops = DropLearner(images: evaluator.labels.count, classes: predictor.probe.classes)
  }

  /// As `step`, but only what the plan on screen needs for figures of its own.
  func stepForPlan(_ wishes: EngineInbox.Wishes, cancellation: CancellationFlag) throws -> Bool {
    announce(wishes)
    if let (site, treatment) = predictor.missingEffects(of: wishes.plan).first {
      try measureEffect(site, treatment, cancellation)
      return true
    }
    if try predict(wishes) { return true }
    return try measure(wishes, upTo: Self.stepImages, cancellation)
  }

  /// Reports effects that became known since the last time, those a search measured among them.
  func announceEffects() {
    let new = predictor.effects.takeNew().map {
      SiteSensitivity(
        siteIndex: $0.site.index, treatment: $0.treatment,
        klMean: Estimate(
          value: $0.divergence, provenance: .predicted(tokens: predictor.imageCount)))
    }
    if !new.isEmpty { emit(.sensitivities(new)) }
  }

  /// Does one piece of work; false where nothing is left to do.
  func step(_ wishes: EngineInbox.Wishes, cancellation: CancellationFlag) throws -> Bool {
    if try stepForPlan(wishes, cancellation: cancellation) { return true }
    if try time(Plan(), wishes, cancellation) { return true }
    if try probe(wishes.attention, cancellation) { return true }
    if try measure(wishes, upTo: evaluator.labels.count, cancellation) { return true }
    if try time(wishes.plan, wishes, cancellation) { return true }
    return try probe(Array(evaluator.sites.indices), cancellation)
  }

  /// Plans measured on all images, the newest first.
  func measuredPlans() -> [MeasuredPlan] {
    scoredPlans.reversed().compactMap { plan in
      guard let found = scores[plan], found.count == evaluator.labels.count else { return nil }
      return MeasuredPlan(plan: plan, klMean: quality(found).klMean)
    }
  }

  private func measureEffect(
    _ site: Site, _ treatment: Treatment, _ cancellation: CancellationFlag
  ) throws {
    emit(.activity("probing \(site.name)"))
    try predictor.measureEffect(of: site, under: treatment, cancellation: cancellation)
    announceEffects()
  }

  private func predict(_ wishes: EngineInbox.Wishes) throws -> Bool {
    guard predictedRevision != wishes.revision, !isReference(wishes.plan),
      scores[wishes.plan] == nil
    else { return false }
    predictedRevision = wishes.revision
    guard let quality = instant.quality(of: wishes.plan) else { return false }
    let prediction = try predictor.predict(wishes.plan)
    let provenance = Provenance.predicted(tokens: prediction.images)
    emit(
      .quality(
        QualityEstimate(
          klMean: quality.klMean,
          top1Agreement: Estimate(
            value: Double(prediction.agreements) / Double(prediction.images),
            provenance: provenance),
          accuracyChange: drops.change(of: wishes.plan, prediction, provenance)),
        revision: wishes.revision))
    return true
  }

  /// Measures the next few images; false once `limit` are measured.
  private func measure(
    _ wishes: EngineInbox.Wishes, upTo limit: Int, _ cancellation: CancellationFlag
  ) throws -> Bool {
    let total = evaluator.labels.count
    let done = scores[wishes.plan]?.count ?? 0
    guard done < min(limit, total), !isReference(wishes.plan) else { return false }
    emit(.activity("measuring \(done) of \(total) images"))
    let new = try evaluator.measure(
      graph(of: wishes.plan, cancellation), images: done..<min(done + Self.stepImages, total),
      cancellation: cancellation)
    remember(new, for: wishes.plan)
    announce(wishes)
    if scores[wishes.plan]?.count == total { learn(wishes.plan) }
    return true
  }

  private func learn(_ plan: Plan) {
    if let measured = scores[plan] { drops.learn(plan, measured) }
    guard let predicted = instant.superposed(plan), let measured = scores[plan] else { return }
    if trials.count >= Self.keptPlans { trials.removeAll() }
    trials[plan] = PredictionTrial(
      predicted: predicted, measured: measured.divergence.mean)
    instant.learn(Array(trials.values))
  }

  /// Probes one format of one of `sites` that is not known yet; false where all are.
  private func probe(_ sites: [Int], _ cancellation: CancellationFlag) throws -> Bool {
    for bits in DefaultFormat.bitWidths {
      for index in sites where evaluator.sites.indices.contains(index) {
        let site = evaluator.sites[index]
        guard site.isTreatable, let format = DefaultFormat.asked(bits: bits, for: site.site),
          predictor.effects.measured(site.site, Treatment(format: format)) == nil
        else { continue }
        try measureEffect(site.site, Treatment(format: format), cancellation)
        return true
      }
    }
    return false
  }

  /// Times `plan` as our executor runs it, one image at a time; false where that was done.
  private func time(
    _ plan: Plan, _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    let isNew = timed[plan] == nil
    if isNew {
      emit(.activity("timing this machine"))
      if timed.count >= Self.keptPlans { timed.removeAll() }
      let latency = try timer.latency(
        of: graph(of: plan, cancellation), cancellation: cancellation)
      timed[plan] = latency
      if plan.isEmpty { instant.learn(reference: latency) }
    }
    if plan == wishes.plan, timedRevision != wishes.revision, let latency = timed[plan] {
      timedRevision = wishes.revision
      emit(.latency(latency, revision: wishes.revision))
    }
    return isNew
  }

  private func graph(of plan: Plan, _ cancellation: CancellationFlag) throws -> PlannedGraph {
    if let current, current.plan == plan { return current.graph }
    let graph = try evaluator.planned(
      plan, calibration: calibration, cancellation: cancellation)
    current = (plan, graph)
    return graph
  }

  private func isReference(_ plan: Plan) -> Bool {
    evaluator.sites.allSatisfy { plan.change(of: $0.site) == nil }
  }

  private func remember(_ new: ClassifierScores, for plan: Plan) {
    guard let known = scores[plan] else {
      scores[plan] = new
      scoredPlans.append(plan)
      if scoredPlans.count > Self.keptPlans { scores[scoredPlans.removeFirst()] = nil }
      return
    }
    scores[plan] = known.appending(new)
  }

  private func announce(_ wishes: EngineInbox.Wishes) {
    guard let scores = scores[wishes.plan],
      announced.map({ $0 != (wishes.revision, scores.count) }) ?? true
    else { return }
    announced = (wishes.revision, scores.count)
    emit(.quality(quality(scores), revision: wishes.revision))
  }

  private func quality(_ scores: ClassifierScores) -> QualityEstimate {
    let provenance = Provenance.measured(tokens: scores.count, of: evaluator.labels.count)
    func estimate(_ value: MeanInterval) -> Estimate {
      Estimate(value: value.mean, interval: value.interval, provenance: provenance)
    }
    return QualityEstimate(
      klMean: estimate(scores.divergence), top1Agreement: estimate(scores.agreement),
      accuracyChange: estimate(scores.top1Difference))
  }
}
