public import ViseCompression
public import ViseEvaluation
public import ViseTensor

/// Measures plans of a classifier on this machine, window by window of its images.
public final class ImageMeasuring: PlanMeasuring {
  public let batchSize = 1
  private let evaluator: ClassifierEvaluator
  private let images: SearchImages
  private let calibration: (any CalibrationSource)?
  private let keep: @Sendable (ClassifierScores, MeasurementOrder) -> Void

  /// - Parameters:
  ///   - evaluator: of `images`, or of those that choose alone.
  ///   - keep: gets what is measured.
  public init(
    _ evaluator: ClassifierEvaluator, images: SearchImages,
    calibration: (any CalibrationSource)?,
    keep: @escaping @Sendable (ClassifierScores, MeasurementOrder) -> Void = { _, _ in }
  ) {
    self.evaluator = evaluator
    self.images = images
    self.calibration = calibration
    self.keep = keep
  }

  public func measure(
    _ orders: [MeasurementOrder], cancellation: CancellationFlag
  ) throws -> [[Double]] {
    try orders.map { order in
      let length = images.windowLength
      let planned = try evaluator.planned(
        order.plan, calibration: calibration, cancellation: cancellation)
      let range = order.windows.lowerBound * length..<order.windows.upperBound * length
      let scores = try evaluator.measure(
        planned, images: range.clamped(to: 0..<images.selectionCount), cancellation: cancellation)
      keep(scores, order)
      return stride(from: 0, to: scores.count, by: length).map { start in
        let window = scores.divergences[start..<min(start + length, scores.count)]
        return window.reduce(0, +) / Double(window.count)
      }
    }
  }
}
