import Glibc

/// How unequal the magnitudes of a vector are, and how many of them matter.
///
/// Diao et al., "Pruning Deep Neural Networks from a Sparsity Perspective" (arXiv:2302.05601,
/// definition 2): I = 1 − d^(1/q − 1/p) · ‖w‖_p / ‖w‖_q, 0 for equal magnitudes and near 1 for one
/// among many. Theorem 2 turns it into a bound on the weights to keep, r = d · (1 − I)^(pq / (q − p)),
/// the base of sparsity-informed adaptive pruning (SAP): sites with more to spare lose more.
public struct PQIndex: Sendable {
  public let p: Double
  public let q: Double

  /// - Precondition: 0 < p ≤ 1 < q.
  public init(p: Double = 0.5, q: Double = 1.5) {
    precondition(p > 0 && p <= 1 && q > 1)
    self.p = p
    self.q = q
  }

  /// The index of `values`; 0 where all are zero.
  public func index(_ values: some Collection<Float>) -> Double {
    let largest = values.reduce(0.0) { max($0, abs(Double($1))) }
    guard largest > 0 else { return 0 }
    // Magnitudes are taken relative to the largest, so that no power overflows.
    let sums = values.reduce((p: 0.0, q: 0.0)) {
      let magnitude = abs(Double($1)) / largest
      return magnitude > 0 ? ($0.p + pow(magnitude, p), $0.q + pow(magnitude, q)) : $0
    }
    let ratio = pow(sums.p, 1 / p) / pow(sums.q, 1 / q)
    return 1 - pow(Double(values.count), 1 / q - 1 / p) * ratio
  }

  /// As for any collection; compiled for this one, so that callers elsewhere are fast.
  public func index(_ values: UnsafeBufferPointer<Float>) -> Double {
    index(values[...])
  }

  /// The weights of `count` that an index of `index` says are to be kept, from 1 to all.
  public func keptCount(index: Double, count: Int) -> Int {
    let share = pow(min(max(1 - index, 0), 1), p * q / (q - p))
    return min(max(Int((Double(count) * share).rounded(.up)), min(1, count)), count)
  }

  /// Shares of its weights each site loses, adapted to how many of them matter.
  ///
  /// SAP (algorithm 1) removes min(γ·(1 − r/d), β) of a site; γ is found by bisection so that all
  /// sites together lose `ratio` of their weights, or as much as β allows.
  ///
  /// - Parameters:
  ///   - sites: index and weights of each site.
  ///   - limit: β, the share no site loses more than.
  public func ratios(
    of sites: [(index: Double, count: Int)], ratio: Double, limit: Double = 0.9
  ) -> [Double] {
    precondition(ratio >= 0 && ratio < 1 && limit > 0 && limit <= 1)
    let spare = sites.map { site in
      1 - Double(keptCount(index: site.index, count: site.count)) / Double(max(site.count, 1))
    }
    let total = sites.reduce(0.0) { $0 + Double($1.count) }
    func shares(_ scale: Double) -> [Double] { spare.map { min(scale * $0, limit) } }
    func removed(_ scale: Double) -> Double {
      zip(shares(scale), sites).reduce(0.0) { $0 + $1.0 * Double($1.1.count) }
    }
    var (low, high) = (0.0, 1.0)
    while high < 1e6, removed(high) < ratio * total { high *= 2 }
    for _ in 0..<80 {
      let middle = (low + high) / 2
      if removed(middle) < ratio * total { low = middle } else { high = middle }
    }
    return shares(low)
  }
}
