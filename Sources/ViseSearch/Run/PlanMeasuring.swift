public import ViseCompression
public import ViseTensor

/// A plan to run on some windows of the text.
public struct MeasurementOrder: Hashable, Sendable {
  public let plan: Plan
  public let windows: Range<Int>

  public init(plan: Plan, windows: Range<Int>) {
    self.plan = plan
    self.windows = windows
  }
}

/// Measures plans for a search, here or elsewhere.
public protocol PlanMeasuring: Sendable {
  /// Orders that are worth giving at once; 1 where they run one after the other anyway.
  var batchSize: Int { get }

  /// Mean KL(reference‖plan) of each window, in nats, order by order.
  func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]]
}
