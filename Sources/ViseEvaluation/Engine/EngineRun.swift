import ViseCompression
import ViseEstimates
import ViseModels
import ViseTensor

/// The life of an engine: opens the model, then does what is most wanted until it is closed.
struct EngineRun {
  let path: String
  let options: Engine.Options
  let inbox: EngineInbox
  let emit: @Sendable (EngineEvent) -> Void

  /// Runs until the inbox is closed.
  ///
  /// `publish` is called with the predictor once there is one.
  func live(publish: (any InstantPredictor) -> Void) {
    let model: Model
    let calibration: CalibrationFile?
    do {
      let opened = try Model(path: path)
      calibration = try options.calibrationPath.map {
        try CalibrationFile(path: $0, model: opened)
      }
      model = opened
    } catch {
      emit(.openFailed(options.describe(error)))
      return
    }
    emit(.opened(ModelSummary(model, calibration: calibration, describe: options.describe)))
    let pool = ComputePool(niceness: options.niceness)
    let exporter = EngineExporter(
      model: model, calibration: calibration, levels: options.levels, pool: pool, inbox: inbox,
      describe: options.describe, emit: emit)
    do {
      let evaluation = try prepare(model, calibration, pool, publish: publish)
      work(
        evaluation: evaluation, inspector: SiteInspector(session: evaluation.session),
        exporter: exporter)
    } catch is CancelledError {
      return
    } catch {
      emit(.log("quality cannot be evaluated: \(options.describe(error))"))
      emit(.activity(nil))
      let inspector = SiteInspector(
        model: model, calibration: calibration, pool: pool,
        memoryByteCount: options.memoryByteCount)
      work(evaluation: nil, inspector: inspector, exporter: exporter)
    }
  }

  private func prepare(
    _ model: Model, _ calibration: CalibrationFile?, _ pool: ComputePool,
    publish: (any InstantPredictor) -> Void
  ) throws -> EngineEvaluation {
    let flag = inbox.begin(.preparation).1
    emit(.activity("running the reference"))
    let session = try ModelSession(
      model: model, calibration: calibration, levels: options.levels, pool: pool,
      budget: MemoryBudget(total: options.memoryByteCount))
    let text = try TextLoader(model: model).load(
      path: options.textPath, windowLength: options.windowLength, limit: options.tokenLimit)
    try checkOverlap(calibration, text)
    try session.prefetchWeights(cancellation: flag)
    let recorder = openTrials()
    let predictor = try PlanPredictor(
      session: session, tokens: text.tokens, firstToken: text.firstToken,
      files: options.effects, recorder: recorder, cancellation: flag)
    let meter = try LatencyMeter(session: session, files: options.machine)
    let instant = predictor.instantPredictor(latency: meter.model)
    publish(instant)
    return EngineEvaluation(
      model: model, predictor: predictor, instant: instant,
      evaluator: PlanEvaluator(session: session, text: text), meter: meter, recorder: recorder,
      emit: emit)
  }

  private func openTrials() -> TrialRecorder? {
    let (emit, describe) = (emit, options.describe)
    return options.trialFolder.flatMap { folder in
      TrialRecorder.open(folder: folder, origin: "workbench", describe: describe) {
        emit(.log($0))
      }
    }
  }

  /// Refuses to measure on the calibration text, and warns where the two texts overlap.
  private func checkOverlap(_ calibration: CalibrationFile?, _ text: EvaluationText) throws {
    guard let overlap = calibration?.overlap(with: text) else { return }
    if overlap.isWhole { throw CalibrationError.sameText }
    if !overlap.isNone {
      emit(.log("part of the text measured on is in the calibration text; figures flatter"))
    }
  }

  private func work(
    evaluation: EngineEvaluation?, inspector: SiteInspector, exporter: EngineExporter
  ) {
    let start = options.startSearch
    let searcher = EngineSearcher(
      start: evaluation.flatMap { evaluation in
        start.map { start in { try start($0, evaluation.searchResources) } }
      }, inbox: inbox, describe: options.describe, emit: emit)
    let inspections = InspectionDesk(
      inspector: inspector, sites: exporter.model.sites, inbox: inbox,
      describe: options.describe, emit: emit)
    var trimmer = HeapTrimmer()
    var queue = EngineQueueReporter(emit: emit)
    while true {
      trimmer.trimIfDue()
      if let wish = inbox.takeSearch() { searcher.begin(wish.wish, job: wish.job) }
      let waiting = inbox.peek()
      queue.report(
        waiting, isSearching: searcher.isUnderWay && !waiting.isSearchPaused,
        evaluation: evaluation)
      if inbox.takeMeasuredPlansWish() {
        emit(.measuredPlans(evaluation?.measuredPlans() ?? []))
      }
      if inspections.serve() { continue }
      if let wish = inbox.takeExport() {
        exporter.run(wish)
        continue
      }
      let (wishes, flag) = inbox.begin(.evaluation)
      if wishes.isClosed { return }
      guard let evaluation, !wishes.isPaused else {
        if evaluation == nil { queue.reportIdle() }
        inbox.wait(after: wishes.version)
        continue
      }
      do {
        if searcher.isActive(wishes) {
          if try evaluation.stepForPlan(wishes, cancellation: flag) { continue }
          searcher.step()
          evaluation.announceEffects()
        } else if try !evaluation.step(wishes, cancellation: flag) {
          queue.reportIdle()
          emit(.activity(nil))
          inbox.wait(after: wishes.version)
        }
      } catch is CancelledError {
        continue
      } catch {
        emit(.log("evaluation failed: \(options.describe(error))"))
        inbox.wait(after: wishes.version)
      }
    }
  }
}
