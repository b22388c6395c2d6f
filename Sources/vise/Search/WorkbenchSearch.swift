import ViseCompression
import ViseEstimates
import ViseEvaluation
import ViseModels
import ViseSearch
import ViseTensor
import ViseTrials

/// A search as the workbench runs it: that of `vise search`, on the text the workbench measures on.
final class WorkbenchSearch: BackgroundSearch {
  private let search: PlanSearch
  private let tokens: Int
  private let seconds: Double

  init(_ wish: SearchWish, _ resources: SearchResources) throws {
    let session = resources.session
    let model = session.model
    let builder = SearchSpaceBuilder(
      sites: model.sites, locked: wish.base,
      treatments: SearchSpaceBuilder.executableFormats.map { Treatment(format: $0) })
    let latency = resources.latency
    let models: [CostModel] = [
      .bytes(model.sizeModel),
      CostModel(.decodeSeconds) { latency?.latency(of: $0)?.decodeSecondsPerToken.value },
    ]
    let goal = SearchGoal(wish.limits)
    let request = SearchRequest(
      costs: try SpaceCosts(
        space: builder.build(), budget: Budget(wish.limits), models: models),
      goal: goal, strategy: goal == .leastLoss ? .standard : .floor,
      limits: SearchLimits(seconds: wish.seconds), seed: wish.seed)
    let texts = SearchTexts(
      resources.text, selectionWindows: SearchTexts.selectionWindows(seconds: wish.seconds))
    let text = texts.selection
    tokens = text.windowCount * text.windowLength
    seconds = wish.seconds
    let identity = SearchIdentity(request: request, session: session, text: text)
    let journal = try TrialStore.standardFolder().map {
      try SearchJournal(folder: $0 + "/searches", identity: identity.text)
    }
    search = PlanSearch(
      request, session: session, predictor: resources.predictor, windowCount: text.windowCount,
      measuring: LocalMeasuring(
        PlanEvaluator(session: session, text: text), recorder: resources.recorder),
      journal: journal)
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
          value: kl.mean, interval: kl.interval, provenance: .measured(tokens: tokens, of: tokens)))
    }
    return SearchSnapshot(
      stage: stage, trials: search.progress.trials, seconds: search.progress.seconds,
      secondsLimit: seconds, strategy: search.request.strategy.rawValue, best: best,
      curve: search.curve.map { SearchSnapshot.CurvePoint(trial: $0.trial, loss: $0.loss) })
  }
}
