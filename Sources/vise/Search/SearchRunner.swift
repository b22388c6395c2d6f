import ViseCompression
import ViseEvaluation
import ViseModels
import ViseSearch
import ViseTensor
import ViseTrials

/// Runs a search from beginning to end and judges what it found.
struct SearchRunner {
  let session: ModelSession
  let request: SearchRequest
  let texts: SearchTexts
  /// What the result's mean KL should not exceed, in nats.
  let klFloor: Double?
  let isFresh: Bool
  let executor: ExecutorOptions
  let task: SearchTask

  private static let presetCount = 2

  struct Result {
    let plan: Plan
    let byteCount: Int
    let costs: [(resource: Resource, used: Double, limit: Double)]
    /// On the windows it was chosen by, and on windows that had no share in the choice.
    let selection: MeasuredQuality
    let verified: MeasuredQuality?
    let rivals: [SearchVerification]
    /// The preset that is offered because the search found nothing better; `nil` where it did.
    let adopted: StockPreset?
    let progress: SearchProgress
    let curve: [SearchRun.CurvePoint]
    let surveyed: (measured: Int, total: Int)
    let request: SearchRequest
    let klFloor: Double?
  }

  func run(cancellation: CancellationFlag) throws -> Result {
    let recorder = TrialRecorder.standard(origin: "search")
    let predictor = try PlanPredictor(
      session: session, tokens: texts.selection.tokens, firstToken: texts.selection.firstToken,
      files: EffectFiles.standard(), cancellation: cancellation)
    let evaluator = PlanEvaluator(session: session, text: texts.selection)
    let identity = SearchIdentity(
      request: request, session: session, text: texts.selection, batchSize: executor.batchSize)
    let search = PlanSearch(
      request, sites: session.model.sites, probing: predictor,
      windowCount: texts.selection.windowCount,
      measuring: try measuring(evaluator, recorder, identity), journal: try journal(identity))
    try finish(search, cancellation)
    guard let best = search.best else { throw SearchError.nothingFound(request.goal) }
    return try judge(best.plan, search, evaluator, recorder, cancellation)
  }

  private func measuring(
    _ evaluator: PlanEvaluator, _ recorder: TrialRecorder?, _ identity: SearchIdentity
  ) throws -> any PlanMeasuring {
    guard let folder = executor.sharedFolder else {
      return LocalMeasuring(evaluator, recorder: recorder)
    }
    let keeper = ScoreKeeper(text: evaluator.text, session: session, recorder: recorder)
    return try ClusterMeasuring(
      batchSize: executor.batchSize, queue: SlurmQueue(options: executor.sbatchOptions),
      folder: folder + "/vise-" + identity.text, identity: identity.text,
      sites: session.model.sites, keep: { keeper.keep($0, of: $1) }, command: task.words)
  }

  private func finish(_ search: PlanSearch, _ cancellation: CancellationFlag) throws {
    let line = SearchProgressLine(limits: request.limits, windows: texts.selection.windowCount)
    defer { line.clear() }
    while try search.step(cancellation: cancellation) { line.show(search.phase) }
  }

  /// Measures the plan and the presets that fit on the other part of the text.
  private func judge(
    _ found: Plan, _ search: PlanSearch, _ evaluator: PlanEvaluator, _ recorder: TrialRecorder?,
    _ cancellation: CancellationFlag
  ) throws -> Result {
    let model = session.model
    let judge = texts.verification.map { PlanEvaluator(session: session, text: $0) } ?? evaluator
    let rivals = try rivals(of: found).map {
      try SearchVerification(found, against: $0, evaluator: judge, cancellation: cancellation)
    }
    let better = rivals.filter { $0.outcome.verdict == .secondIsBetter }
      .min { ($0.loss ?? .infinity) < ($1.loss ?? .infinity) }
    let plan = better?.rival.plan ?? found
    let quality = try Self.measure(plan, evaluator, cancellation)
    let verified = try texts.verification.map { _ in
      try Self.measure(plan, judge, cancellation)
    }
    if let verified { recorder?.add(plan, measured: verified, on: judge.text, session: session) }
    let used = zip(request.costs.resources, request.costs.costs(of: plan))
    return Result(
      plan: plan, byteCount: model.sizeModel.byteCount(of: plan),
      costs: zip(used, request.costs.limits).map { ($0.0, $0.1, $1) }, selection: quality,
      verified: verified, rivals: rivals, adopted: better?.rival.preset,
      progress: search.progress, curve: search.curve, surveyed: search.surveyedOptions,
      request: request, klFloor: klFloor)
  }

  /// The largest presets that one could have instead of `found`.
  private func rivals(of found: Plan) -> [PresetRival] {
    let all = PresetRival.all(
      for: session.model.sites, sizes: session.model.sizeModel, base: request.costs.space.base)
    return Array(all.filter { isRival($0.plan, of: found) }.prefix(Self.presetCount))
  }

  /// Where the least cost is looked for, no plan that costs more is a rival.
  private func isRival(_ plan: Plan, of found: Plan) -> Bool {
    let costs = request.costs
    switch request.goal {
    case .leastLoss: return costs.meetsLimits(plan)
    case .leastCost: return costs.costs(of: plan)[0] <= costs.costs(of: found)[0]
    }
  }

  private static func measure(
    _ plan: Plan, _ evaluator: PlanEvaluator, _ cancellation: CancellationFlag
  ) throws -> MeasuredQuality {
    let scores = try evaluator.measure(
      plan, windows: 0..<evaluator.text.windowCount, cancellation: cancellation)
    return MeasuredQuality(scores, windowLength: evaluator.text.windowLength)
  }

  /// Where this search keeps what it measures; `nil` where nothing is kept.
  private func journal(_ identity: SearchIdentity) throws -> SearchJournal? {
    guard let folder = TrialStore.standardFolder() else { return nil }
    return try SearchJournal(
      folder: folder + "/searches", identity: identity.text, isFresh: isFresh)
  }
}

/// Why a search has no result.
enum SearchError: Error {
  case nothingFound(SearchGoal)
  /// A machine of a cluster sees another model, text or version than the search.
  case otherInputs
}
