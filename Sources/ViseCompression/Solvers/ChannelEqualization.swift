/// Brings the ranges of two weights with a linear or ReLU channel between them together.
///
/// Cross-layer equalization (Nagel et al., "Data-Free Quantization Through Weight Equalization and
/// Bias Correction", 2019, eq. 11): sᵢ = √(r₁·r₂) / r₂ with r the largest magnitude of row i of the
/// first and of column i of the second. Rows are divided by it, columns multiplied: both become
/// √(r₁·r₂).
public enum ChannelEqualization {
  /// A factor a channel; 1 where one side is zero.
  ///
  /// - Parameters:
  ///   - rows: the largest magnitude of each row of the first weight.
  ///   - columns: that of each column of the second.
  public static func factors(rows: [Float], columns: [Float]) -> [Float] {
    precondition(rows.count == columns.count)
    return zip(rows, columns).map { r1, r2 in
      r1 > 0 && r2 > 0 ? (r1 * r2).squareRoot() / r2 : 1
    }
  }
}
