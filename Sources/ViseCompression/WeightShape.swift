/// What a weight is as a matrix, and the windows that its columns run over.
public struct WeightShape: Hashable, Sendable {
  /// Outputs.
  public let rows: Int
  /// Inputs times the places of a window.
  public let columns: Int
  /// The extents of a convolution's windows; empty for a weight that is no more than a matrix.
  ///
  /// A column is an input, then a place in the window, row-major.
  public let kernel: [Int]

  public init(rows: Int, columns: Int, kernel: [Int] = []) {
    precondition(kernel.allSatisfy { $0 > 0 } && columns % kernel.reduce(1, *) == 0)
    self.rows = rows
    self.columns = columns
    self.kernel = kernel
  }

  public var parameterCount: Int { rows * columns }

  /// Places in a window.
  public var window: Int { kernel.reduce(1, *) }

  /// Inputs at one place of the window.
  public var inputs: Int { columns / window }
}
