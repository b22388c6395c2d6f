import Glibc
import ViseEstimates

/// What runs of plans teach about predicted times of other plans of the same model.
///
/// A plan's time is the reference's and what its products take more or less, by how their weights are
/// read. Kernels timed alone miss what the others leave in the caches, so each part has a factor,
/// fitted to the runs in least squares of the relative error and drawn to 1 where they say little.
struct LatencyTrials: Sendable {
  /// Seconds that products take more than the reference's, as timed alone.
  struct Change: Hashable, Sendable {
    /// With packed weights.
    var packed = 0.0
    /// With weights unpacked on the way, or floats.
    var rows = 0.0

    fileprivate func sum(_ factors: (packed: Double, rows: Double)) -> Double {
      factors.packed * packed + factors.rows * rows
    }
  }

  struct Trial: Hashable, Sendable {
    let change: Change
    /// Seconds of the reference, and of the plan.
    let reference: Double
    let measured: Double
  }

  private var trials: [Int: Trial] = [:]
  private var factors = (packed: 1.0, rows: 1.0)
  /// |log(measured / predicted)| of each trial, predicted from the others; ascending.
  private var errors: [Double] = []

  /// Trials kept.
  private static let capacity = 64
  private static let level = 0.9
  /// How much the factors are drawn to 1, in trials of relative error 1.
  private static let ridge = 0.02

  var count: Int { trials.count }

  /// Adds a trial in place of an earlier one of the same `key`.
  mutating func add(_ trial: Trial, key: Int) {
    guard trial.measured > 0, trials.count < Self.capacity || trials[key] != nil else { return }
    trials[key] = trial
    let all = trials.sorted { $0.key < $1.key }.map(\.value)
    factors = Self.fit(all)
    errors = all.indices.map { index in
      var others = all
      let left = others.remove(at: index)
      return abs(log(left.measured / Self.seconds(left.reference, left.change, Self.fit(others))))
    }.sorted()
  }

  /// Seconds of a plan that differs from one of `reference` seconds by `change`.
  func seconds(_ reference: Double, _ change: Change) -> Double {
    Self.seconds(reference, change, factors)
  }

  /// The factor a new figure is off by at most, so often as `level` says; `nil` with too few trials.
  ///
  /// Jackknife (Barber et al. 2021): the ⌈(n+1)·level⌉-th smallest error of a trial left out.
  var spread: Double? {
    let rank = Int((Double(errors.count + 1) * Self.level).rounded(.up))
    return rank <= errors.count ? exp(errors[rank - 1]) : nil
  }

  func estimate(_ value: Double, provenance: Provenance) -> Estimate {
    guard let spread else { return Estimate(value: value, provenance: provenance) }
    return Estimate(
      value: value,
      interval: Interval(lower: value / spread, upper: value * spread, level: Self.level),
      provenance: provenance, trust: .trials(count))
  }

  /// No plan takes less than a tenth of the reference's time for what only its weights change.
  private static func seconds(
    _ reference: Double, _ change: Change, _ factors: (packed: Double, rows: Double)
  ) -> Double {
    max(reference + change.sum(factors), reference / 10)
  }

  private static func fit(_ trials: [Trial]) -> (packed: Double, rows: Double) {
    var (pp, pr, rr, py, ry) = (ridge, 0.0, ridge, 0.0, 0.0)
    for trial in trials {
      let packed = trial.change.packed / trial.measured
      let rows = trial.change.rows / trial.measured
      // What factors of 1 leave over, so that the ridge draws them there.
      let rest =
        (trial.measured - trial.reference - trial.change.packed - trial.change.rows)
        / trial.measured
      pp += packed * packed
      pr += packed * rows
      rr += rows * rows
      py += packed * rest
      ry += rows * rest
    }
    let determinant = pp * rr - pr * pr
    return (
      packed: max(1 + (py * rr - ry * pr) / determinant, 0),
      rows: max(1 + (ry * pp - py * pr) / determinant, 0)
    )
  }
}
