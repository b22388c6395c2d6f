public import ViseTensor

/// Scores channels by the norm of their outgoing weights times that of their inputs.
///
/// Wanda's score (Sun et al., arXiv:2306.11695, equation 1) summed in squares over a column: what a
/// channel gives the outputs if channels did not depend on each other.
public struct ChannelWanda: Sendable {
  public let group: ChannelGroup
  private let meanSquares: [Float]

  /// - Parameter meanSquares: E[x²] of each input.
  public init(group: ChannelGroup, meanSquares: [Float]) {
    self.group = group
    self.meanSquares = meanSquares
  }

  /// √Σ over the unit's columns j of ‖W[:, j]‖²·E[x_j²].
  public func scores(of weight: Matrix) -> [Float] {
    precondition(weight.columns == meanSquares.count)
    return zip(weight.columnSquares, meanSquares).map { $0 * Double(max($1, 0)) }
      .sums(of: group.unit).map { Float($0.squareRoot()) }
  }
}
