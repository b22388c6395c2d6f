import Synchronization
import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

/// Chooses and runs the next piece of evaluation, most wanted first.
///
/// The order: effects the current plan needs, its prediction, the plan on the probe, a first
/// measurement, the selected site's formats, what its speed follows from, the formats of the sites the
/// user looks at, random plans for their speed, the full measurement, the plan's speed itself, the
/// rest of the sites.
final class EngineEvaluation {
  let model: Model
  let predictor: PlanPredictor
  private let instant: InstantPlanPredictor
  let evaluator: PlanEvaluator
  let meter: LatencyMeter?
  private let emit: @Sendable (EngineEvent) -> Void
  private let recorder: TrialRecorder?
  private var scores: [Plan: [WindowScore]] = [:]
  /// What earlier sessions measured on all of the text; `nil` where they did not.
  private var recalled: [Plan: QualityEstimate?] = [:]
  private var scoredPlans: [Plan] = []
  var predictedRevision: PlanRevision?
  private var runRevision: PlanRevision?
  /// Windows of each plan's measurement that was learned from last.
  private var learned: [Plan: Int] = [:]
  private var announcedMeasurement: (revision: PlanRevision, windows: Int)?

  /// What all evaluation shares.
  var session: ModelSession { evaluator.session }

  /// Windows of a first measurement: enough for an interval that means something.
  static let firstWindows = 8
  /// Plans whose window scores are kept, so that undo shows a measured figure at once.
  private static let keptPlans = 64

  init(
    model: Model, predictor: PlanPredictor, instant: InstantPlanPredictor,
    evaluator: PlanEvaluator, meter: LatencyMeter? = nil,
    recorder: TrialRecorder? = nil,
    emit: @escaping @Sendable (EngineEvent) -> Void
  ) {
    self.model = model
    self.predictor = predictor
    self.instant = instant
    self.evaluator = evaluator
    self.recorder = recorder
    self.meter = meter
    self.emit = emit
  }

  /// What a search of this model works with.
  var searchResources: SearchResources {
    SearchResources(
      session: session, predictor: predictor, text: evaluator.text, recorder: recorder,
      latency: meter?.model)
  }

  /// Plans that can be compared: those measured on the text most of them were measured on.
  func measuredPlans() -> [MeasuredPlan] { recorder?.measuredPlans(of: session) ?? [] }

  /// As `step`, but only what the plan on screen needs for figures of its own.
  func stepForPlan(_ wishes: EngineInbox.Wishes, cancellation: CancellationFlag) throws -> Bool {
    let windows = evaluator.text.windowCount
    announceMeasurement(of: wishes)
    if let (site, treatment) = predictor.missingEffects(of: wishes.plan).first {
      emit(.activity("probing \(site.name)"))
      try measureEffect(site, treatment, cancellation)
      return true
    }
    if try predict(wishes, cancellation) { return true }
    if try run(wishes, cancellation) { return true }
    if try measure(wishes, upTo: min(Self.firstWindows, windows), cancellation) { return true }
    return try learn(wishes, cancellation)
  }

  /// Does one piece of work; false where nothing is left to do.
  func step(_ wishes: EngineInbox.Wishes, cancellation: CancellationFlag) throws -> Bool {
    let windows = evaluator.text.windowCount
    if try stepForPlan(wishes, cancellation: cancellation) { return true }
    if try probe(Array(wishes.attention.prefix(1)), cancellation) { return true }
    if try time(wishes, cancellation) { return true }
    if try probe(wishes.attention, cancellation) { return true }
    // Runs on a busy machine teach nothing, and take long: they wait until all else is done.
    let isCalm = meter?.isCalm ?? true
    if isCalm, try rehearse(wishes, cancellation) { return true }
    if try measure(wishes, upTo: windows, cancellation) { return true }
    if try learn(wishes, cancellation) { return true }
    if try timePlan(wishes, cancellation) { return true }
    if try probe(Array(model.sites.indices), cancellation) { return true }
    return try rehearse(wishes, cancellation)
  }

  private func measureEffect(
    _ site: Site, _ treatment: Treatment, _ cancellation: CancellationFlag
  ) throws {
    try predictor.measureEffect(of: site, under: treatment, cancellation: cancellation)
    announceEffects()
  }

  /// Reports effects that became known since the last time, those a search measured among them.
  func announceEffects() {
    let new = predictor.takeNewEffects()
    if !new.isEmpty { emit(.sensitivities(new)) }
  }

  private func predict(
    _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    guard predictedRevision != wishes.revision, !isReference(wishes.plan),
      measuredWindows(of: wishes.plan) == 0
    else { return false }
    let quality = try predictor.predict(wishes.plan, cancellation: cancellation)
    predictedRevision = wishes.revision
    emit(.quality(quality, revision: wishes.revision))
    return true
  }

  /// Runs the plan on the probe; false where that was done, or would tell nothing new.
  private func run(
    _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    // One site's effect was found by such a run.
    let treated = model.sites.count { wishes.plan.ownChange(of: $0) != nil }
    guard runRevision != wishes.revision, treated > 1, measuredWindows(of: wishes.plan) == 0
    else { return false }
    emit(.activity("running the plan on the probe"))
    let quality = try predictor.run(wishes.plan, cancellation: cancellation)
    runRevision = wishes.revision
    emit(.quality(quality, revision: wishes.revision))
    return true
  }

  /// Measures the next few windows of the plan; false once `limit` windows are measured.
  private func measure(
    _ wishes: EngineInbox.Wishes, upTo limit: Int, _ cancellation: CancellationFlag
  ) throws -> Bool {
    let done = measuredWindows(of: wishes.plan)
    guard done < limit, !isReference(wishes.plan) else { return false }
    emit(.activity("measuring \(done) of \(evaluator.text.windowCount) windows"))
    let end = min(done + evaluator.session.pool.threadCount, limit)
    let new = try evaluator.measure(wishes.plan, windows: done..<end, cancellation: cancellation)
    remember(new, for: wishes.plan)
    announceMeasurement(of: wishes)
    return true
  }

  /// Times the model as loaded, or a kernel that the plan or an edit of the selected site needs;
  /// false where nothing is left.
  private func time(
    _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    guard let meter else { return false }
    if try meter.measureReference(cancellation: cancellation) {
      if !meter.isCalm { emit(.log("the machine is busy: times are longer than they would be")) }
      announceLatency(of: wishes)
      return true
    }
    let did =
      try meter.measureKernel(of: wishes.plan, cancellation: cancellation)
      || timeFormats(of: wishes.attention.prefix(1), with: meter, cancellation)
    if did {
      emit(.activity("timing this machine"))
      announceLatency(of: wishes)
    }
    return did
  }

  private func timeFormats(
    of sites: ArraySlice<Int>, with meter: LatencyMeter, _ cancellation: CancellationFlag
  ) throws -> Bool {
    for index in sites where model.sites.indices.contains(index) {
      let site = model.sites[index]
      for format in DefaultFormat.bitWidths.compactMap(DefaultFormat.asked(bits:)) {
        guard let used = DefaultFormat.resolve(format, for: site)?.used else { continue }
        if try meter.measureKernel(
          of: Treatment(format: used), at: site, cancellation: cancellation)
        {
          return true
        }
      }
    }
    return false
  }

  /// Runs a random plan, to learn how far off predicted times are; false once enough were run.
  private func rehearse(
    _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    guard let meter, try meter.rehearse(cancellation: cancellation) else { return false }
    emit(.activity("timing this machine"))
    announceLatency(of: wishes)
    return true
  }

  /// Times the plan itself; false where that was done, or cannot be.
  private func timePlan(
    _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    guard let meter, try meter.measure(wishes.plan, cancellation: cancellation) else {
      return false
    }
    announceLatency(of: wishes)
    return true
  }

  private func announceLatency(of wishes: EngineInbox.Wishes) {
    if let latency = meter?.model.latency(of: wishes.plan) {
      emit(.latency(latency, revision: wishes.revision))
    }
  }

  /// Learns from the first and from the full measurement of the plan; false where that was done.
  private func learn(
    _ wishes: EngineInbox.Wishes, _ cancellation: CancellationFlag
  ) throws -> Bool {
    let total = evaluator.text.windowCount
    let known = measuredWindows(of: wishes.plan)
    guard known >= min(Self.firstWindows, total), let scores = scores[wishes.plan],
      learned[wishes.plan].map({ $0 < known && known == total }) ?? true
    else { return false }
    try predictor.learn(
      wishes.plan,
      measured: MeasuredQuality(scores, windowLength: evaluator.text.windowLength),
      on: evaluator.text, instant: instant, cancellation: cancellation)
    if learned.count >= Self.keptPlans { learned.removeAll() }
    learned[wishes.plan] = known
    return true
  }

  /// Probes one format of one of `sites` that is not known yet; false where all are.
  private func probe(_ sites: [Int], _ cancellation: CancellationFlag) throws -> Bool {
    for bits in DefaultFormat.bitWidths {
      for index in sites where model.sites.indices.contains(index) {
        let site = model.sites[index]
        guard let asked = DefaultFormat.asked(bits: bits),
          let format = DefaultFormat.resolve(asked, for: site)?.used,
          format != .ggml(site.stored),
          predictor.effects.measured(site: index, treatment: Treatment(format: format)) == nil
        else { continue }
        emit(.activity("probing \(site.name)"))
        try measureEffect(site, Treatment(format: format), cancellation)
        return true
      }
    }
    return false
  }

  func isReference(_ plan: Plan) -> Bool {
    model.sites.allSatisfy { plan.change(of: $0) == nil }
  }

  func measuredWindows(of plan: Plan) -> Int {
    recall(plan) != nil ? evaluator.text.windowCount : scores[plan]?.count ?? 0
  }

  /// What an earlier session, or another process, measured of `plan` on all of the text.
  private func recall(_ plan: Plan) -> QualityEstimate? {
    if scores[plan] != nil { return nil }
    if let known = recalled[plan] { return known }
    if recalled.count >= Self.keptPlans { recalled.removeAll() }
    let found =
      isReference(plan)
      ? nil : recorder?.quality(of: plan, on: evaluator.text, session: evaluator.session)
    recalled[plan] = .some(found)
    return found
  }

  private func remember(_ new: [WindowScore], for plan: Plan) {
    if scores[plan] == nil {
      scoredPlans.append(plan)
      if scoredPlans.count > Self.keptPlans { scores[scoredPlans.removeFirst()] = nil }
    }
    scores[plan, default: []] += new
  }

  /// Reports what has been measured of the plan, once a revision and number of windows.
  private func announceMeasurement(of wishes: EngineInbox.Wishes) {
    let known = measuredWindows(of: wishes.plan)
    guard known >= min(4, evaluator.text.windowCount),
      announcedMeasurement.map({ $0 != (wishes.revision, known) }) ?? true
    else { return }
    announcedMeasurement = (wishes.revision, known)
    if let recalled = recall(wishes.plan) {
      emit(.quality(recalled, revision: wishes.revision))
      return
    }
    guard let scores = scores[wishes.plan] else { return }
    let quality = MeasuredQuality(scores, windowLength: evaluator.text.windowLength)
    let total = evaluator.text.windowCount * evaluator.text.windowLength
    emit(.quality(quality.estimate(of: total), revision: wishes.revision))
  }
}
