public import ViseTensor

/// Scores heads by the energy they give the layer's outputs on calibration data.
///
/// E‖W_u·x_u‖² = tr(W_u·H_uu·W_uᵀ) for the columns u of a unit, correlations within it included:
/// the mean over tokens of the head's squared contribution, as in "Are Sixteen Heads Really Better
/// than One?" (Michel et al., arXiv:1905.10650) without its gradient. For neurons it is the square
/// of `ChannelWanda`.
public struct OutputEnergy: Sendable {
  public let group: ChannelGroup
  private let secondMoment: Matrix

  public init(group: ChannelGroup, secondMoment: Matrix) {
    precondition(secondMoment.columns == group.unit * group.count)
    self.group = group
    self.secondMoment = secondMoment
  }

  /// The energy of each unit.
  public func scores(of weight: Matrix) -> [Float] {
    (0..<group.count).map { unit in
      let range = unit * group.unit..<(unit + 1) * group.unit
      let own = weight.columns(range)
      let product = LinearAlgebra.product(own, secondMoment.rows(range).columns(range))
      return withExtendedLifetime((own, product)) {
        Float(max(Kernels.dot(own.pointer, product.pointer, count: own.count), 0))
      }
    }
  }
}
