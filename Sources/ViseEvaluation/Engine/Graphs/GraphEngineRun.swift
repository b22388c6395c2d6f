import ViseCompression
import ViseEstimates
import ViseFormats
import ViseGraphs
import ViseModels
import ViseTensor

/// The life of an engine that works on an ONNX model.
struct GraphEngineRun {
  let path: String
  let options: Engine.Options
  let inbox: EngineInbox
  let emit: @Sendable (EngineEvent) -> Void

  /// Images of the probe.
  private static let probeImages = 256

  /// What was opened.
  private struct Opened {
    let model: GraphModel
    /// `nil` where there are none; then quality is not evaluated.
    let images: LabelledImages?
    let calibration: GraphCalibrationFile?
  }

  /// Runs until the inbox is closed.
  ///
  /// `publish` is called with the predictor once there is one.
  func live(publish: (any InstantPredictor) -> Void) {
    let opened: Opened
    do {
      opened = try open()
    } catch {
      emit(.openFailed(options.describe(error)))
      return
    }
    let pool = ComputePool(niceness: options.niceness)
    let evaluation: GraphEvaluation?
    do {
      evaluation = try prepare(opened, pool, publish: publish)
    } catch is CancelledError {
      return
    } catch {
      emit(.log("quality cannot be evaluated: \(options.describe(error))"))
      evaluation = nil
    }
    emit(.activity(nil))
    work(opened, evaluation, pool)
  }

  private func open() throws -> Opened {
    let model = try GraphModel.open(path: path).foldingNormalizations()
    let unsupported = model.unsupportedOperators
    var (reason, images): (String?, LabelledImages?) = (nil, nil)
    do {
      if !unsupported.isEmpty { throw GraphError.unsupportedOperators(unsupported) }
      // The first ones are of every class then.
      images = try options.images?(model)?.shuffled()
      if images == nil { reason = "no labelled images (--data)" }
    } catch {
      reason = options.describe(error)
    }
    let calibration = try options.graphCalibration?(model)
    if let images { try calibration?.check(against: images) }
    emit(
      .opened(
        try ModelSummary(
          model, unavailable: reason, calibration: calibration?.summary(of: model))))
    return Opened(model: model, images: images, calibration: calibration)
  }

  /// `nil` where nothing can be evaluated.
  private func prepare(
    _ opened: Opened, _ pool: ComputePool, publish: (any InstantPredictor) -> Void
  ) throws -> GraphEvaluation? {
    guard let images = opened.images else { return nil }
    let flag = inbox.begin(.preparation).1
    emit(.activity("running the reference"))
    func evaluator(_ images: LabelledImages) throws -> ClassifierEvaluator {
      try ClassifierEvaluator(
        model: opened.model, images: images, pool: pool, byteLimit: options.memoryByteCount)
    }
    let predictor = try ClassifierPredictor(
      evaluator: evaluator(images.prefix(Self.probeImages)), calibration: opened.calibration,
      cancellation: flag)
    let context = GraphContext(pool: nil, memory: nil, byteLimit: options.memoryByteCount)
    let instant = InstantGraphPredictor(
      sites: opened.model.sites.map(\.site), probe: predictor.probe, effects: predictor.effects,
      times: try GraphTimePrior(
        opened.model, input: images.batch(0..<1), context: context))
    publish(instant)
    return GraphEvaluation(
      predictor: predictor, instant: instant, evaluator: try evaluator(images),
      timer: GraphTimer(
        image: images.batch(0..<1), pool: pool, byteLimit: options.memoryByteCount),
      calibration: opened.calibration, emit: emit)
  }

  /// Starts searches of the model; `nil` where nothing can be measured.
  private func searchStart(
    _ opened: Opened, _ evaluation: GraphEvaluation?
  ) -> ((SearchWish) throws -> any BackgroundSearch)? {
    guard let start = options.startGraphSearch, let evaluation, let images = opened.images else {
      return nil
    }
    let resources = GraphSearchResources(
      model: opened.model, predictor: evaluation.predictor, evaluator: evaluation.evaluator,
      images: images, calibration: opened.calibration)
    return { try start($0, resources) }
  }

  private func work(_ opened: Opened, _ evaluation: GraphEvaluation?, _ pool: ComputePool) {
    let sites = opened.model.sites.map(\.site)
    let searcher = EngineSearcher(
      start: searchStart(opened, evaluation), inbox: inbox, describe: options.describe, emit: emit)
    let inspections = InspectionDesk(
      inspector: SiteInspector(InspectedWeights(opened.model, opened.calibration, pool)),
      sites: sites, inbox: inbox, describe: options.describe, emit: emit)
    let exporter = GraphExporter(
      model: opened.model, calibration: opened.calibration, pool: pool, inbox: inbox,
      describe: options.describe, emit: emit)
    while true {
      if let wish = inbox.takeSearch() { searcher.begin(wish.wish, job: wish.job) }
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
        inbox.wait(after: wishes.version)
        continue
      }
      do {
        if searcher.isActive(wishes) {
          if try evaluation.stepForPlan(wishes, cancellation: flag) { continue }
          searcher.step()
          evaluation.announceEffects()
        } else if try !evaluation.step(wishes, cancellation: flag) {
          emit(.activity(nil))
          inbox.wait(after: wishes.version)
        }
      } catch is CancelledError {
        continue
      } catch {
        emit(.activity(nil))
        emit(.log("evaluation failed: \(options.describe(error))"))
        inbox.wait(after: wishes.version)
      }
    }
  }
}

/// Runs the exports of an ONNX model; each ends in exactly one event.
struct GraphExporter {
  let model: GraphModel
  let calibration: GraphCalibrationFile?
  let pool: ComputePool
  let inbox: EngineInbox
  let describe: @Sendable (any Error) -> String
  let emit: @Sendable (EngineEvent) -> Void

  func run(_ wish: EngineInbox.ExportWish) {
    let flag = inbox.begin(.export(job: wish.job)).1
    emit(.activity("exporting"))
    do {
      let planned = try PlannedGraph(
        model, plan: wish.plan, calibration: calibration,
        work: RowWork(pool: pool, cancellation: flag))
      let bytes = try ONNXWriter.write(planned.model, to: wish.path, replacing: wish.overwrite)
      emit(.jobEnded(job: wish.job, .finished("\(bytes) bytes written to \(wish.path)")))
    } catch is CancelledError {
      emit(.jobEnded(job: wish.job, .cancelled))
    } catch {
      emit(.jobEnded(job: wish.job, .failed(describe(error))))
    }
    emit(.activity(nil))
  }
}

extension InspectedWeights {
  /// Of the sites of an ONNX model.
  init(_ model: GraphModel, _ calibration: GraphCalibrationFile?, _ pool: ComputePool) {
    let weights = GraphWeights(model)
    self.init(
      original: { try weights.matrix(of: model.sites[$0.index]) },
      treated: { site, treatment, cancellation in
        let (stored, values) = try weights.treated(
          model.sites[site.index], under: treatment, calibration: calibration,
          work: RowWork(pool: pool, cancellation: cancellation))
        return (stored, values)
      })
  }
}
