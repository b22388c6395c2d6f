import Glibc
import ViseCompression
import ViseEstimates

/// A plan seen by its sites: what treats each, and what that alone does to the divergence.
struct PlanOutline: Sendable {
  /// What changes at each site in turn.
  let treatments: [Treatment?]
  /// Mean KL of each site alone, in nats; 0 where nothing changes.
  let alone: [Double]

  /// How much of two plans differs, 0…1: the share of single-site divergence at differing sites.
  func distance(to other: PlanOutline) -> Double {
    guard treatments.count == other.treatments.count else { return 1 }
    var (changed, all) = (0.0, 0.0)
    for index in alone.indices {
      let sum = alone[index] + other.alone[index]
      all += sum
      if treatments[index] != other.treatments[index] { changed += sum }
    }
    return all > 0 ? changed / all : 0
  }
}

/// How far predictions miss the ratio of two plans, as a function of how much they differ.
///
/// Errors of single sites add as independent ones do, so the miss is taken to grow with the square
/// root of the distance; its scale is a conformal quantile over each trial's nearest other trial.
struct NeighbourScale: Sendable {
  /// The 90 % half width of the log ratio's error at distance 1.
  let halfWidth: Double

  /// What an unknown model's scale is taken to be.
  static let prior = 1.645 * PredictionCalibration.methodDeviation
  private static let smallestDistance = 1e-3
  private static let level = 0.9

  /// - Parameter trials: plans with log(measured / corrected prediction).
  init(_ trials: [(outline: PlanOutline, error: Double)]) {
    var ratios: [Double] = []
    for (index, trial) in trials.enumerated() {
      let others = trials.indices.lazy.filter { $0 != index }.map { other in
        (other, trial.outline.distance(to: trials[other].outline))
      }
      guard let (nearest, distance) = others.min(by: { $0.1 < $1.1 }) else { continue }
      let difference = abs(trial.error - trials[nearest].error)
      ratios.append(difference / max(distance, Self.smallestDistance).squareRoot())
    }
    ratios.sort()
    let rank = Int((Self.level * Double(ratios.count + 1) - 1e-9).rounded(.up))
    if ratios.count >= PredictionCalibration.fewestTrials {
      halfWidth = ratios[min(rank, ratios.count) - 1]
    } else {
      halfWidth = max(Self.prior, ratios.last ?? 0)
    }
  }

  func halfWidth(at distance: Double) -> Double { halfWidth * distance.squareRoot() }
}

extension TrialBook {
  /// Half widths of a log below which a ratio to a measured plan is claimed beyond the limit.
  private static let sharpEnough = 0.3
  /// Plans that differ by more are no neighbours.
  private static let largestDistance = 0.5
  /// Draws and half floats leave this much in any ratio.
  private static let floor = 0.01

  /// The best figure for a plan whose uncorrected prediction is `raw`: the calibrated one, or the
  /// measurement of a plan that differs little times the predicted ratio.
  ///
  /// - Parameter samplingDeviation: the standard error of log `raw` from the probe's tokens.
  func estimate(
    _ raw: Double, samplingDeviation: Double, tier: Tier, outline: PlanOutline,
    provenance: Provenance
  ) -> Estimate {
    let known = knowledge(tier)
    let own = known.calibration.estimate(
      raw, samplingDeviation: samplingDeviation, provenance: provenance)
    guard raw > 0, raw.isFinite else { return own }
    var best: (entry: Entry, half: Double)?
    for entry in known.neighbours {
      let distance = outline.distance(to: entry.outline)
      guard distance <= Self.largestDistance else { continue }
      let ratio = known.scale.halfWidth(at: distance)
      let left = 1.645 * entry.deviation
      let half = (ratio * ratio + left * left + Self.floor * Self.floor).squareRoot()
      if half < best?.half ?? .infinity { best = (entry, half) }
    }
    guard let best else { return own }
    let ownHalf = own.interval.map { log($0.upper / $0.lower) / 2 } ?? Self.sharpEnough
    guard best.half < ownHalf else { return own }
    let value =
      best.entry.measured * known.calibration.corrected(raw)
      / known.calibration.corrected(best.entry.predicted[tier.rawValue])
    let interval = Interval(
      lower: value * exp(-best.half), upper: value * exp(best.half),
      level: PredictionCalibration.level)
    return Estimate(value: value, interval: interval, provenance: provenance, trust: .neighbour)
  }
}
