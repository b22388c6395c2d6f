import ViseTensor

/// What treated sites do together beyond what each does alone, to second order.
///
/// KL(p‖q) is ½·Var_p(Δ) to second order in the change Δ of the logits, so sites that change them by
/// Δᵢ come to Σ ½·Var(Δᵢ) + Σ_{i<j} Cov(Δᵢ, Δⱼ). The covariances are the terms between layers,
/// ΔWᵢᵀ·Hᵢⱼ·ΔWⱼ with the Gauss-Newton matrix as H, taken from runs of single sites: forward passes
/// only, and none for pairs.
enum LayerInteraction {
  /// Each site's second-order KL alone, and half of its covariances with all others, in nats.
  struct Terms: Hashable, Sendable {
    let own: Double
    /// Positive where the others break what this one breaks.
    let others: Double
  }

  /// - Parameters:
  ///   - shifts: by site, changes of the logits of tokens drawn from p, those of a row together.
  ///   - draws: tokens drawn a row, two at least.
  /// - Returns: terms whose sums over all sites add up to the second-order KL of all treated.
  static func terms(_ shifts: [[Float]], draws: Int) -> [Terms] {
    precondition(draws > 1 && shifts.allSatisfy { $0.count == shifts[0].count })
    guard let count = shifts.first?.count, count >= draws else {
      return shifts.map { _ in Terms(own: 0, others: 0) }
    }
    var total = [Double](repeating: 0, count: count)
    for shift in shifts {
      for index in 0..<count { total[index] += Double(shift[index]) }
    }
    let rows = count / draws
    return shifts.map { shift in
      var (own, all) = (0.0, 0.0)
      for row in 0..<rows {
        let range = row * draws..<(row + 1) * draws
        let mean = range.reduce(0) { $0 + Double(shift[$1]) } / Double(draws)
        for index in range {
          let value = Double(shift[index]) - mean
          own += value * Double(shift[index])
          all += value * total[index]
        }
      }
      let scale = 0.5 / Double((draws - 1) * rows)
      return Terms(own: own * scale, others: (all - own) * scale)
    }
  }
}
