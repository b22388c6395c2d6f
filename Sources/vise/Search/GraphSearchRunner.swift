import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseModels
import ViseSearch
import ViseTensor
import ViseTrials

/// Runs a search of an ONNX classifier from beginning to end and judges what it found.
struct GraphSearchRunner {
  let model: GraphModel
  let sizes: SizeModel
  let request: SearchRequest
  let images: SearchImages
  let calibration: GraphCalibrationFile?
  /// What the result's mean KL should not exceed, in nats.
  let klFloor: Double?
  let isFresh: Bool
  let options: RunOptions

  /// Images of the probe that single layers are treated on.
  private static let probeImages = 256
  private static let rivalCount = 2

  /// A plan that treats all layers alike, beside the found one on the same images.
  struct Rival {
    let plan: UniformPlan
    let byteCount: Int
    let scores: ClassifierScores
    /// Its KL less the found plan's, image by image.
    let difference: MeanInterval
    /// The found plan's share of right images less the rival's.
    let top1Difference: MeanInterval
  }

  struct Result {
    let plan: Plan
    let byteCount: Int
    let referenceByteCount: Int
    /// On the images it was chosen by; on others, where there are any.
    let selectionLoss: Double
    let isVerified: Bool
    let scores: ClassifierScores
    let rivals: [Rival]
    /// The uniform treatment that took the plan's place; `nil` where the search found better.
    let adopted: Treatment?
    let progress: SearchProgress
    let curve: [SearchRun.CurvePoint]
    let surveyed: (measured: Int, total: Int)
    let request: SearchRequest
    let klFloor: Double?
  }

  func run(cancellation: CancellationFlag) throws -> Result {
    let pool = options.pool()
    let evaluator = try evaluator(images.images.prefix(images.selectionCount), pool)
    let predictor = try ClassifierPredictor(
      evaluator: self.evaluator(
        images.images.prefix(min(Self.probeImages, images.selectionCount)), pool),
      calibration: calibration, cancellation: cancellation)
    let setting = model.evaluationIdentity(calibration: calibration)
    let trials = GraphTrials(
      recorder: TrialRecorder.standard(origin: "search"), model: model, setting: setting,
      images: images)
    let search = PlanSearch(
      request, sites: model.sites.map(\.site), probing: predictor,
      windowCount: images.selectionWindows,
      measuring: ImageMeasuring(evaluator, images: images, calibration: calibration) {
        trials.keep($0, $1)
      },
      journal: try journal(
        SearchIdentity(request: request, setting: "\(setting) \(images.identity)")))
    let line = SearchProgressLine(limits: request.limits, windows: images.selectionWindows)
    defer { line.clear() }
    while try search.step(cancellation: cancellation) { line.show(search.phase) }
    line.clear()
    guard let found = try fitting(search, evaluator, cancellation) else {
      throw SearchError.nothingFound(request.goal)
    }
    return try judge(found, search, trials, pool, cancellation)
  }

  private func evaluator(
    _ images: LabelledImages, _ pool: ComputePool, checkpointBudget: Int? = nil
  ) throws -> ClassifierEvaluator {
    try ClassifierEvaluator(
      model: model, images: images, pool: pool, byteLimit: options.memoryByteCount,
      checkpointBudget: checkpointBudget)
  }

  private func journal(_ identity: SearchIdentity) throws -> SearchJournal? {
    guard let folder = TrialStore.standardFolder() else { return nil }
    return try SearchJournal(
      folder: folder + "/searches", identity: identity.text, isFresh: isFresh)
  }

  /// The best plan whose file keeps the size: sizes of removed channels are counted nearly, files not.
  private func fitting(
    _ search: PlanSearch, _ evaluator: ClassifierEvaluator, _ cancellation: CancellationFlag
  ) throws -> Plan? {
    let place = request.costs.resources.firstIndex(of: .bytes)
    let limit = place.map { request.costs.limits[$0] } ?? .infinity
    return try search.ranked.first {
      try Double(byteCount(of: $0, evaluator, cancellation)) <= limit
    }
  }

  /// Bytes of the exported file.
  private func byteCount(
    of plan: Plan, _ evaluator: ClassifierEvaluator, _ cancellation: CancellationFlag
  ) throws -> Int {
    if sizes.isExact(plan) { return sizes.byteCount(of: plan) }
    return try ONNXWriter.byteCount(
      of: evaluator.planned(plan, calibration: calibration, cancellation: cancellation).model)
  }

  /// Whether `plan` is what one could have instead of a plan of `size` bytes.
  private func isRival(_ plan: UniformPlan, of size: Int) -> Bool {
    switch request.goal {
    case .leastLoss: request.costs.meetsLimits(plan.plan)
    case .leastCost: plan.byteCount <= size
    }
  }

  /// Measures the plan and uniform ones that fit on the other images.
  private func judge(
    _ found: Plan, _ search: PlanSearch, _ trials: GraphTrials, _ pool: ComputePool,
    _ cancellation: CancellationFlag
  ) throws -> Result {
    let evaluator = try evaluator(images.images, pool, checkpointBudget: 0)
    let progress = ProgressLine("judging plan")
    func scores(_ plan: Plan, _ number: Int, of count: Int) throws -> ClassifierScores {
      progress.report(number, of: count)
      let planned = try evaluator.planned(
        plan, calibration: calibration, cancellation: cancellation)
      let scores = try evaluator.measure(
        planned, images: images.verification, cancellation: cancellation)
      if images.verification != nil { trials.add(plan, scores) }
      return scores
    }
    let size = try byteCount(of: found, evaluator, cancellation)
    let uniform = UniformPlan.all(of: request.costs.space, sizes: sizes)
      .filter { isRival($0, of: size) }.prefix(Self.rivalCount)
    let own = try scores(found, 0, of: uniform.count + 1)
    let rivals = try uniform.enumerated().map { index, rival in
      try Rival(
        rival, byteCount: byteCount(of: rival.plan, evaluator, cancellation), found: own,
        scores: scores(rival.plan, index + 1, of: uniform.count + 1))
    }
    let better = rivals.filter { $0.verdict == .better }
      .min { $0.scores.divergence.mean < $1.scores.divergence.mean }
    let plan = better?.plan.plan ?? found
    return Result(
      plan: plan, byteCount: try byteCount(of: plan, evaluator, cancellation),
      referenceByteCount: model.source.byteCount,
      selectionLoss: search.best?.trial.loss ?? .nan, isVerified: images.verification != nil,
      scores: better?.scores ?? own, rivals: rivals, adopted: better?.plan.treatment,
      progress: search.progress, curve: search.curve, surveyed: search.surveyedOptions,
      request: request, klFloor: klFloor)
  }
}

extension GraphSearchRunner.Rival {
  /// How it does beside the found plan.
  enum Verdict {
    case identical, better, worse, undecided
  }

  init(
    _ plan: UniformPlan, byteCount: Int, found: ClassifierScores, scores: ClassifierScores
  ) {
    self.plan = plan
    self.byteCount = byteCount
    self.scores = scores
    difference = scores.divergence(beyond: found)
    top1Difference = found.top1Difference(from: scores)
  }

  var verdict: Verdict {
    guard let interval = difference.interval else { return .undecided }
    if interval.lower == 0, interval.upper == 0 { return .identical }
    return interval.lower > 0 ? .worse : interval.upper < 0 ? .better : .undecided
  }
}
