import ViseCompression
public import ViseEvaluation
public import ViseTensor

/// Measures on this machine, and keeps what was measured on all of the text.
public final class LocalMeasuring: PlanMeasuring {
  public let batchSize = 1
  private let evaluator: PlanEvaluator
  private let keeper: ScoreKeeper

  public init(_ evaluator: PlanEvaluator, recorder: TrialRecorder? = nil) {
    self.evaluator = evaluator
    keeper = ScoreKeeper(text: evaluator.text, session: evaluator.session, recorder: recorder)
  }

  public func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]] {
    try orders.map { order in
      let scores = try evaluator.measure(
        order.plan, windows: order.windows, cancellation: cancellation)
      keeper.keep(scores, of: order.plan)
      return scores.map(\.meanDivergence)
    }
  }
}

extension WindowScore {
  /// Mean KL over the window's scored tokens, in nats.
  public var meanDivergence: Double {
    divergences.reduce(0.0) { $0 + Double($1) } / Double(max(divergences.count, 1))
  }
}
