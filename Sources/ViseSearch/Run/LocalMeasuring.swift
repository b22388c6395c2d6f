import Synchronization
import ViseCompression
public import ViseEvaluation
public import ViseTensor

/// Measures on this machine, and keeps what was measured on all of the text.
public final class LocalMeasuring: PlanMeasuring {
  public let batchSize = 1
  private let evaluator: PlanEvaluator
  private let recorder: TrialRecorder?
  /// Scores of plans measured in part.
  private let partial = Mutex<[Plan: [WindowScore]]>([:])

  public init(_ evaluator: PlanEvaluator, recorder: TrialRecorder? = nil) {
    self.evaluator = evaluator
    self.recorder = recorder
  }

  public func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]] {
    try orders.map { order in
      let scores = try evaluator.measure(
        order.plan, windows: order.windows, cancellation: cancellation)
      keep(scores, of: order.plan)
      return scores.map(\.meanDivergence)
    }
  }

  private func keep(_ scores: [WindowScore], of plan: Plan) {
    guard let recorder else { return }
    let all = partial.withLock { partial in
      let all = (partial.removeValue(forKey: plan) ?? []) + scores
      if all.count < evaluator.text.windowCount { partial[plan] = all }
      return all
    }
    // A search that was continued has not the scores of the first windows.
    guard all.count == evaluator.text.windowCount, all.first?.window == 0 else { return }
    recorder.add(
      plan, measured: MeasuredQuality(all, windowLength: evaluator.text.windowLength),
      on: evaluator.text, session: evaluator.session)
  }
}

extension WindowScore {
  /// Mean KL over the window's scored tokens, in nats.
  public var meanDivergence: Double {
    divergences.reduce(0.0) { $0 + Double($1) } / Double(max(divergences.count, 1))
  }
}
