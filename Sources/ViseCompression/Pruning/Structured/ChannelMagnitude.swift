public import ViseTensor

/// Scores channels by the norm of their outgoing weights.
///
/// Li et al., "Pruning Filters for Efficient ConvNets" (arXiv:1608.08710, section 3.1), with the
/// second norm; a unit of several columns, such as a head, counts as one.
public struct ChannelMagnitude: Sendable {
  public let group: ChannelGroup

  public init(group: ChannelGroup) {
    self.group = group
  }

  /// ‖W[:, u]‖ of each unit u.
  public func scores(of weight: Matrix) -> [Float] {
    weight.columnSquares.sums(of: group.unit).map { Float($0.squareRoot()) }
  }
}

extension Matrix {
  /// Σ over rows of w² of each column.
  var columnSquares: [Double] {
    var sums = [Double](repeating: 0, count: columns)
    withExtendedLifetime(self) {
      for row in 0..<rows {
        let values = self.row(row)
        for column in 0..<columns {
          sums[column] += Double(values[column]) * Double(values[column])
        }
      }
    }
    return sums
  }
}

extension [Double] {
  /// Sums of each `length` consecutive numbers.
  func sums(of length: Int) -> [Double] {
    stride(from: 0, to: count, by: length).map { self[$0..<$0 + length].reduce(0, +) }
  }
}
