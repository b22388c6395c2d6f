import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseGraphs
import ViseModels
import ViseSearch
import ViseTensor
import ViseTrials

/// A search as the workbench runs it: that of `vise search`, on what the workbench measures on.
final class WorkbenchSearch: BackgroundSearch {
  private let search: PlanSearch
  /// Tokens or images a plan is measured on.
  private let sampleCount: Int
  private let seconds: Double

  /// Of a language model.
  init(_ wish: SearchWish, _ resources: SearchResources) throws {
    let session = resources.session
    let model = session.model
    let latency = resources.latency
    let request = try Self.request(
      wish, .standard, space: SearchSpaceBuilder(wish, sites: model.sites).build(),
      models: [
        .bytes(model.sizeModel),
        CostModel(.decodeSeconds) { latency?.latency(of: $0)?.decodeSecondsPerToken.value },
      ])
    let text = SearchTexts(
      resources.text, selectionWindows: SearchTexts.selectionWindows(seconds: wish.seconds)
    ).selection
    sampleCount = text.windowCount * text.windowLength
    seconds = wish.seconds
    search = PlanSearch(
      request, sites: model.sites, probing: resources.predictor, windowCount: text.windowCount,
      measuring: LocalMeasuring(
        PlanEvaluator(session: session, text: text), recorder: resources.recorder),
      journal: try Self.journal(SearchIdentity(request: request, session: session, text: text)))
  }

  /// Of an ONNX classifier.
  init(_ wish: SearchWish, _ resources: GraphSearchResources) throws {
    let model = resources.model
    let sites = model.sites.map(\.site)
    let sizes = SizeModel(onnx: try GraphSizes(model), sites: sites)
    var builder = SearchSpaceBuilder(wish, sites: sites)
    builder.sizes = sizes
    let request = try Self.request(
      wish, .graphStandard, space: builder.build(), models: [.bytes(sizes)])
    let images = SearchImages(
      resources.images, selectionWindows: SearchTexts.selectionWindows(seconds: wish.seconds))
    sampleCount = images.selectionCount
    seconds = wish.seconds
    let setting = model.evaluationIdentity(calibration: resources.calibration)
    search = PlanSearch(
      request, sites: sites, probing: resources.predictor, windowCount: images.selectionWindows,
      measuring: ImageMeasuring(
        resources.evaluator, images: images, calibration: resources.calibration),
      journal: try Self.journal(
        SearchIdentity(request: request, setting: "\(setting) \(images.identity)")))
  }

  private static func request(
    _ wish: SearchWish, _ standard: StrategyName, space: SearchSpace, models: [CostModel]
  ) throws -> SearchRequest {
    let goal = SearchGoal(wish.limits)
    return SearchRequest(
      costs: try SpaceCosts(space: space, budget: Budget(wish.limits), models: models),
      goal: goal, strategy: goal == .leastLoss ? standard : .floor,
      limits: SearchLimits(seconds: wish.seconds), seed: wish.seed)
  }

  private static func journal(_ identity: SearchIdentity) throws -> SearchJournal? {
    try TrialStore.standardFolder().map {
      try SearchJournal(folder: $0 + "/searches", identity: identity.text)
    }
  }

  func step(cancellation: CancellationFlag) throws -> Bool {
    try search.step(cancellation: cancellation)
  }

  var snapshot: SearchSnapshot {
    let stage: SearchSnapshot.Stage =
      switch search.phase {
      case .surveying(let waiting): .surveying(waiting: waiting)
      case .measuring: .measuring
      case .finished: .finished
      }
    let best = search.best.map { best in
      let kl = MeanInterval(
        sums: best.trial.losses, weights: best.trial.losses.map { _ in 1 })
      return MeasuredPlan(
        plan: best.plan,
        klMean: Estimate(
          value: kl.mean, interval: kl.interval,
          provenance: .measured(tokens: sampleCount, of: sampleCount)))
    }
    return SearchSnapshot(
      stage: stage, trials: search.progress.trials, seconds: search.progress.seconds,
      secondsLimit: seconds, strategy: search.request.strategy.rawValue, best: best,
      curve: search.curve.map { SearchSnapshot.CurvePoint(trial: $0.trial, loss: $0.loss) })
  }
}

extension SearchSpaceBuilder {
  /// What a search of the workbench chooses among: all sites that `wish` leaves as they are.
  fileprivate init(_ wish: SearchWish, sites: [Site]) {
    self.init(
      sites: sites, locked: wish.base, treatments: Self.standardTreatments(for: sites))
  }
}
