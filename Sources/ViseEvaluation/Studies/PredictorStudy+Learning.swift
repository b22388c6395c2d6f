import Glibc
import ViseEstimates
import ViseTensor

extension PredictorStudy {
  /// How good predictions are once some of the plans were measured, judged on the others.
  public struct Learned: Sendable {
    public let trials: Int
    /// Random orders of the plans, each of which gives the first to learn from.
    public let splits: Int
    /// Means over splits of the held-out plans' figures.
    public let spearman: Double
    public let medianAbsoluteLogError: Double
    /// Share of held-out measurements inside the interval, of those that have one.
    public let coverage: Double
    /// Mean of log(upper / lower).
    public let meanLogWidth: Double
    /// Share of held-out plans that the predictor itself says lie outside what it knows.
    public let outsideShare: Double
  }

  private struct Tally {
    var (spearman, median) = (0.0, 0.0)
    var (inside, intervals, width, outside, plans) = (0, 0, 0.0, 0, 0)
  }

  /// Learns on the first `trials` plans of each of `splits` random orders.
  public static func learned(
    _ rows: [Row], trials: Int, splits: Int, seed: UInt64
  ) -> Learned {
    precondition(trials + 2 <= rows.count)
    var random = RandomSource(seed: seed)
    var tally = Tally()
    for _ in 0..<splits {
      let order = rows.shuffled(using: &random)
      judge(order.dropFirst(trials), after: order.prefix(trials), &tally)
    }
    let count = Double(splits)
    return Learned(
      trials: trials, splits: splits, spearman: tally.spearman / count,
      medianAbsoluteLogError: tally.median / count,
      coverage: Double(tally.inside) / Double(max(tally.intervals, 1)),
      meanLogWidth: tally.width / Double(max(tally.intervals, 1)),
      outsideShare: Double(tally.outside) / Double(max(tally.plans, 1)))
  }

  private static func judge(
    _ heldOut: ArraySlice<Row>, after trials: ArraySlice<Row>, _ tally: inout Tally
  ) {
    let calibration = PredictionCalibration(
      trials.map { PredictionTrial(predicted: $0.predicted, measured: $0.measured) })
    var (values, measured): ([Double], [Double]) = ([], [])
    for row in heldOut {
      let estimate = calibration.estimate(
        row.predicted, samplingDeviation: row.deviation, provenance: .predicted(tokens: 0))
      tally.plans += 1
      guard let interval = estimate.interval else {
        tally.outside += 1
        continue
      }
      values.append(estimate.value)
      measured.append(row.measured)
      tally.intervals += 1
      tally.width += log(interval.upper / interval.lower)
      if interval.lower <= row.measured && row.measured <= interval.upper { tally.inside += 1 }
    }
    guard values.count > 1 else { return }
    tally.spearman += spearmanCorrelation(values, measured)
    tally.median += LogCorrection.median(zip(values, measured).map { abs(log($0 / $1)) })
  }

  /// How well a measured plan predicts one that differs at a few sites.
  public struct Recentred: Sendable {
    public let pairs: Int
    public let medianAbsoluteLogError: Double
    /// The same pairs predicted without their neighbour.
    public let medianAbsoluteLogErrorWithout: Double
    public let coverage: Double
    public let meanLogWidth: Double
  }

  /// Judges each row's neighbour after `trials` other plans and the row itself were measured.
  public static func recentred(_ rows: [Row], trials: Int, seed: UInt64) -> Recentred? {
    var random = RandomSource(seed: seed)
    var (errors, without): ([Double], [Double]) = ([], [])
    var (inside, width) = (0, 0.0)
    for (index, row) in rows.enumerated() {
      guard let neighbour = row.neighbour else { continue }
      let others = rows.indices.filter { $0 != index }.shuffled(using: &random).prefix(trials)
      let book = TrialBook()
      for other in others + [index] { book.record(rows[other].entry(plan: "\(other)")) }
      let estimate = book.estimate(
        neighbour.predicted, samplingDeviation: row.deviation, tier: .probe,
        outline: neighbour.outline, provenance: .predicted(tokens: 0))
      let plain = book.knowledge(.probe).calibration.corrected(neighbour.predicted)
      guard let interval = estimate.interval else { continue }
      errors.append(abs(log(estimate.value / neighbour.measured)))
      without.append(abs(log(plain / neighbour.measured)))
      width += log(interval.upper / interval.lower)
      if interval.lower <= neighbour.measured && neighbour.measured <= interval.upper {
        inside += 1
      }
    }
    guard !errors.isEmpty else { return nil }
    return Recentred(
      pairs: errors.count, medianAbsoluteLogError: LogCorrection.median(errors),
      medianAbsoluteLogErrorWithout: LogCorrection.median(without),
      coverage: Double(inside) / Double(errors.count),
      meanLogWidth: width / Double(errors.count))
  }
}

extension PredictorStudy.Row {
  /// With what running it on the probe foretells in the place of superposition.
  public var asRun: Self {
    Self(
      treatedSites: treatedSites, predicted: onProbe, deviation: onProbeDeviation,
      onProbe: onProbe, onProbeDeviation: onProbeDeviation, measured: measured, outline: outline,
      neighbour: nil)
  }

  fileprivate func entry(plan: String) -> TrialBook.Entry {
    TrialBook.Entry(
      plan: plan, outline: outline, predicted: [predicted, predicted, 0], measured: measured,
      deviation: 0)
  }
}
