import Glibc
public import ViseEstimates

/// A plan's prediction and what measuring it gave: mean KL in nats.
public struct PredictionTrial: Hashable, Sendable {
  /// As predicted, before any correction.
  public let predicted: Double
  public let measured: Double

  public init(predicted: Double, measured: Double) {
    self.predicted = predicted
    self.measured = measured
  }
}

/// What measured plans of a model teach about its predictions: a correction, and how far they miss.
///
/// The correction is a line in logarithms; the interval is the jackknife+ of its residuals (Barber et
/// al., "Predictive inference with the jackknife+", 2021), so it holds what the line, the probe's
/// tokens and the superposition leave. Below nine trials a 90 % interval has no quantile to stand on:
/// the error the method is known for, with the probe's sampling error, stands in.
public struct PredictionCalibration: Sendable {
  /// Trials from which the interval is their own.
  public static let fewestTrials = 9
  /// Nats up to which the method's error is known without trials.
  public static let knownLimit = 2.0
  /// Predictions beyond the trials' range by this factor are not covered by them.
  static let margin = 1.5
  /// Below the range changes are small and superposition is at its best: the margin is wide.
  private static let lowerMargin = 10.0
  /// Standard deviation of log(predicted / measured) of an uncorrected prediction, beside sampling.
  static let methodDeviation = 0.2
  static let level = 0.9
  private static let normalQuantile = 1.645

  private struct LeftOut {
    let correction: LogCorrection
    let residual: Double
  }

  private let correction: LogCorrection
  private let leftOut: [LeftOut]
  private let range: ClosedRange<Double>?

  /// Trials that predict or measured nothing are passed over.
  public init(_ trials: [PredictionTrial] = []) {
    let points = trials.compactMap { trial -> LogCorrection.Point? in
      let (x, y) = (log(trial.predicted), log(trial.measured))
      return x.isFinite && y.isFinite ? (x, y - x) : nil
    }
    correction = LogCorrection(points)
    leftOut = points.indices.map { index in
      var others = points
      let own = others.remove(at: index)
      let correction = LogCorrection(others)
      return LeftOut(
        correction: correction, residual: abs(own.error - correction.value(at: own.x)))
    }
    let xs = points.map(\.x)
    range = xs.min().flatMap { low in xs.max().map { low...$0 } }
  }

  public var trialCount: Int { leftOut.count }

  /// Nats beyond which a prediction, uncorrected, says no more than that it is large.
  public var limit: Double {
    max(Self.knownLimit, range.map { exp($0.upperBound) * Self.margin } ?? 0)
  }

  /// `raw` corrected, with the interval of what measuring the plan would give.
  ///
  /// - Parameter samplingDeviation: the standard error of log `raw` from the probe's few tokens.
  public func estimate(
    _ raw: Double, samplingDeviation: Double, provenance: Provenance
  ) -> Estimate {
    guard raw > 0, raw.isFinite else { return Estimate(value: raw, provenance: provenance) }
    if raw > limit {
      return Estimate(
        value: corrected(raw), provenance: provenance, trust: .outside(limit: corrected(limit)))
    }
    let x = log(raw)
    let own = isCovered(x) ? trialInterval(at: x) : nil
    let range = own ?? methodInterval(at: x, samplingDeviation: samplingDeviation)
    let value = corrected(raw)
    return Estimate(
      value: value,
      interval: Interval(
        lower: min(raw * exp(range.lowerBound), value),
        upper: max(raw * exp(range.upperBound), value), level: Self.level),
      provenance: provenance,
      trust: own == nil ? .method(trials: trialCount) : .trials(trialCount))
  }

  /// `raw` with what trials taught about it on average.
  public func corrected(_ raw: Double) -> Double {
    raw > 0 && raw.isFinite ? raw * exp(correction.value(at: log(raw))) : raw
  }

  private func isCovered(_ x: Double) -> Bool {
    guard let range, trialCount >= Self.fewestTrials else { return false }
    return x > range.lowerBound - log(Self.lowerMargin) && x < range.upperBound + log(Self.margin)
  }

  /// Ends of the jackknife+ interval of log(measured / predicted).
  private func trialInterval(at x: Double) -> ClosedRange<Double> {
    let count = Double(trialCount + 1)
    let lowers = leftOut.map { $0.correction.value(at: x) - $0.residual }.sorted()
    let uppers = leftOut.map { $0.correction.value(at: x) + $0.residual }.sorted()
    let rank = min(Int((Self.level * count - 1e-9).rounded(.up)), trialCount)
    let lower = lowers[trialCount - rank]
    return lower...max(lower, uppers[rank - 1])
  }

  /// The method's known error about the correction, and no less than the trials there are missed by.
  private func methodInterval(
    at x: Double, samplingDeviation: Double
  ) -> ClosedRange<Double> {
    let deviation =
      (Self.methodDeviation * Self.methodDeviation + samplingDeviation * samplingDeviation)
      .squareRoot()
    let half = leftOut.reduce(Self.normalQuantile * deviation) { max($0, $1.residual) }
    let middle = correction.value(at: x)
    return (middle - half)...(middle + half)
  }
}
