public import ViseTensor

/// Moves factors of channels into the operations beside them, so that nothing is computed for them.
///
/// Static folding as in SmoothQuant (2022) and MergeQuant (2025): a norm's weight or a linear's rows
/// take the inverse of what the next weight's columns take.
public enum ChannelFolding {
  /// A norm's weight, and bias where it has one, for outputs divided by `factors`.
  public static func dividing(norm: [Float], by factors: [Float]) -> [Float] {
    precondition(norm.count == factors.count)
    return zip(norm, factors).map { $0 / $1 }
  }

  /// A weight for inputs that were divided by `factors`: its columns multiplied by them.
  public static func multiplyingColumns(of weight: Matrix, by factors: [Float]) -> Matrix {
    LinearAlgebra.scaleColumns(of: weight, by: factors)
  }

  /// A weight whose outputs are divided by `factors`: its rows divided by them.
  public static func dividingRows(of weight: Matrix, by factors: [Float]) -> Matrix {
    LinearAlgebra.scaleRows(of: weight, by: factors.map { 1 / $0 })
  }

  /// Factors that bring the ranges of two weights with a linear or ReLU channel between them
  /// together: the first's rows are divided by them, the second's columns multiplied.
  ///
  /// Cross-layer equalization (Nagel et al., 2019, eq. 11): sᵢ = √(r₁·r₂) / r₂ with r the largest
  /// magnitude of row i of the first and of column i of the second; both become √(r₁·r₂).
  public static func equalization(first: Matrix, second: Matrix) -> [Float] {
    precondition(first.rows == second.columns)
    defer { withExtendedLifetime((first, second)) {} }
    return (0..<first.rows).map { channel in
      let row = UnsafeBufferPointer(start: first.row(channel), count: first.columns)
      let r1 = row.reduce(Float(0)) { max($0, abs($1)) }
      let r2 = (0..<second.rows).reduce(Float(0)) { max($0, abs(second.row($1)[channel])) }
      guard r1 > 0, r2 > 0 else { return 1 }
      return (r1 * r2).squareRoot() / r2
    }
  }
}
