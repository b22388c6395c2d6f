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
    do {
      model = try Model(path: path)
    } catch {
      emit(.openFailed(options.describe(error)))
      return
    }
    emit(.opened(ModelSummary(model, describe: options.describe)))
    let pool = ComputePool(niceness: options.niceness)
    let exporter = EngineExporter(
      model: model, levels: options.levels, pool: pool, inbox: inbox,
      describe: options.describe, emit: emit)
    do {
      let evaluation = try prepare(model, pool, publish: publish)
      work(evaluation: evaluation, exporter: exporter)
    } catch is CancelledError {
      return
    } catch {
      emit(.log("quality cannot be evaluated: \(options.describe(error))"))
      emit(.activity(nil))
      work(evaluation: nil, exporter: exporter)
    }
  }

  private func prepare(
    _ model: Model, _ pool: ComputePool, publish: (any InstantPredictor) -> Void
  ) throws -> EngineEvaluation {
    let flag = inbox.begin(export: -1).1
    let latency = LatencyModel(model: model)
    publish(LatencyOnlyPredictor(latency: latency))
    emit(.activity("measuring this machine"))
    latency.use(try MachineProfile.measure(on: pool, cancellation: flag))
    announceLatency(latency)
    emit(.activity("running the reference"))
    let session = try ModelSession(
      model: model, levels: options.levels, pool: pool,
      budget: MemoryBudget(total: options.memoryByteCount))
    let text = try TextLoader(model: model).load(
      path: options.textPath, windowLength: options.windowLength, limit: options.tokenLimit)
    try session.prefetchWeights(cancellation: flag)
    let predictor = try PlanPredictor(
      session: session, tokens: text.tokens, firstToken: text.firstToken, cancellation: flag)
    publish(predictor.instantPredictor(latency: latency))
    announceLatency(latency)
    return EngineEvaluation(
      model: model, predictor: predictor,
      evaluator: PlanEvaluator(session: session, text: text), emit: emit)
  }

  private func announceLatency(_ latency: LatencyModel) {
    let (wishes, _) = inbox.begin(export: -1)
    if let estimate = latency.latency(of: wishes.plan) {
      emit(.latency(estimate, revision: wishes.revision))
    }
  }

  private func work(evaluation: EngineEvaluation?, exporter: EngineExporter) {
    while true {
      if let wish = inbox.takeExport() {
        exporter.run(wish)
        continue
      }
      let (wishes, flag) = inbox.begin()
      if wishes.isClosed { return }
      guard let evaluation, !wishes.isPaused else {
        inbox.wait(after: wishes.version)
        continue
      }
      do {
        if try !evaluation.step(wishes, cancellation: flag) {
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

/// Predicts latency while nothing is known about quality.
private struct LatencyOnlyPredictor: InstantPredictor {
  let latency: LatencyModel

  func predict(_ plan: Plan) -> (quality: QualityEstimate?, latency: LatencyEstimate?) {
    (nil, latency.latency(of: plan))
  }
}
