public import ViseTensor

/// Drops a share of what fine-tuning changed, at random, and rescales the rest.
///
/// DARE (Yu et al., arXiv:2311.03099, section 3.1): of Δ = W − W_base each number goes with
/// probability p, and what is spared is multiplied by 1 / (1 − p). At high p DAREx-q ("DARE the
/// Extreme", Deng et al., arXiv:2410.09344, section 4.1) finds better factors 1/q on calibration
/// data; here the one of least squares of the outputs, ⟨Δ·H, Δ′⟩ / ⟨Δ′·H, Δ′⟩ with Δ′ the spared
/// numbers and H = E[x xᵀ].
public struct DeltaPruning: Sendable {
  /// The probability with which a difference goes.
  public let ratio: Double
  public let seed: UInt64

  public init(ratio: Double, seed: UInt64) {
    precondition(ratio >= 0 && ratio < 1)
    self.ratio = ratio
    self.seed = seed
  }

  /// What is left of a fine-tuned weight.
  public struct Pruned: Sendable {
    /// The base with the spared differences.
    public let values: Matrix
    /// What they were multiplied by.
    public let factor: Double
    public let keptCount: Int
  }

  /// `weight` as fine-tuned from `base`; BLAS must be loaded where there is a moment.
  ///
  /// - Parameter secondMoment: E[x xᵀ] of the inputs; without it factors are those of DARE.
  public func prune(_ weight: Matrix, base: Matrix, secondMoment: Matrix? = nil) -> Pruned {
    precondition(weight.rows == base.rows && weight.columns == base.columns)
    let (all, spared) = (weight.copy(), Matrix.zeros(rows: weight.rows, columns: weight.columns))
    var random = RandomSource(seed: seed)
    var keptCount = 0
    withExtendedLifetime((all, spared, base)) {
      for index in 0..<all.count {
        all.pointer[index] -= base.pointer[index]
        guard random.nextUnit() >= ratio else { continue }
        spared.pointer[index] = all.pointer[index]
        keptCount += 1
      }
    }
    let factor = secondMoment.flatMap { Self.factor(all, spared, $0) } ?? 1 / (1 - ratio)
    let values = base.copy()
    withExtendedLifetime((values, spared)) {
      for index in 0..<values.count {
        values.pointer[index] += Float(factor) * spared.pointer[index]
      }
    }
    return Pruned(values: values, factor: factor, keptCount: keptCount)
  }

  /// `nil` where the spared differences reach no output.
  private static func factor(
    _ all: Matrix, _ spared: Matrix, _ moment: Matrix
  ) -> Double? {
    let outputs = LinearAlgebra.product(spared, moment)
    return withExtendedLifetime((all, spared, outputs)) {
      let square = Kernels.dot(outputs.pointer, spared.pointer, count: spared.count)
      let crossing = Kernels.dot(outputs.pointer, all.pointer, count: all.count)
      return square > 0 && crossing.isFinite ? crossing / square : nil
    }
  }
}
