import Glibc
public import ViseCompression
import ViseEstimates
public import ViseTensor

/// Compares predicted with measured speed over random plans.
public struct LatencyStudy {
  /// One plan's figures.
  public struct Row: Sendable {
    public let treatedSites: Int
    public let predicted: Speed
    public let measured: Speed
    /// Whether the interval that was known before the plan ran holds its seconds a token; `nil` without one.
    public let isCovered: Bool?
  }

  public struct Speed: Sendable {
    /// Seconds a generated token.
    public let decodeSeconds: Double
    /// Prompt tokens a second.
    public let prefillRate: Double
  }

  private let meter: LatencyMeter
  private let cancellation: CancellationFlag

  public init(meter: LatencyMeter, cancellation: CancellationFlag) {
    self.meter = meter
    self.cancellation = cancellation
  }

  /// Predicts each plan from what is known, then runs it; later plans are predicted from that too.
  public func run(_ plans: [Plan], progress: (Int, Int) -> Void) throws -> [Row] {
    for (index, plan) in plans.enumerated() {
      try meter.prepare(plan, cancellation: cancellation)
      progress(index + 1, 2 * plans.count)
    }
    return try plans.enumerated().compactMap { index, plan in
      defer { progress(plans.count + index + 1, 2 * plans.count) }
      guard let predicted = meter.model.latency(of: plan),
        try meter.measure(plan, cancellation: cancellation),
        let measured = meter.model.latency(of: plan)
      else { return nil }
      let seconds = measured.decodeSecondsPerToken.value
      return Row(
        treatedSites: plan.treatments.count, predicted: Speed(predicted),
        measured: Speed(measured),
        isCovered: predicted.decodeSecondsPerToken.interval.map {
          ($0.lower...$0.upper).contains(seconds)
        })
    }
  }
}

extension LatencyStudy.Speed {
  init(_ estimate: LatencyEstimate) {
    decodeSeconds = estimate.decodeSecondsPerToken.value
    prefillRate = estimate.prefillTokensPerSecond.value
  }
}
