public import ViseTensor

/// A factor for each row that brings a stored weight's outputs nearest to the original's.
///
/// Least squares in closed form: c = ŵᵀHw / ŵᵀHŵ with H = E[x xᵀ], which minimises E[(wx − c·ŵx)²].
public enum RowScaleRefit {
  /// The factors, 1 for rows without outputs.
  ///
  /// BLAS must be loaded.
  public static func factors(
    decoded: Matrix, weight: Matrix, secondMoment: Matrix
  ) -> [Float] {
    precondition(weight.rows == decoded.rows && weight.columns == decoded.columns)
    let projected = LinearAlgebra.product(decoded, secondMoment)
    return withExtendedLifetime((decoded, weight, projected)) {
      (0..<weight.rows).map { row in
        let square = Kernels.dot(projected.row(row), decoded.row(row), count: weight.columns)
        let product = Kernels.dot(projected.row(row), weight.row(row), count: weight.columns)
        guard square > 0, product > 0 else { return 1 }
        return Float(product / square)
      }
    }
  }

  /// `encoded` with the scales of each row multiplied by its factor and rounded as they are stored.
  public static func applying(
    _ factors: [Float], to encoded: EncodedWeight, format: IntegerFormat
  ) -> EncodedWeight {
    precondition(format.granularity != .tensor && factors.count == encoded.rows)
    let result = EncodedWeight(rows: encoded.rows, columns: encoded.columns, codec: format)
    for part in encoded.parts {
      result.bytes(part.part.name).storage.copyMemory(from: part.bytes.bytes)
    }
    let spans = format.spanCount(columns: encoded.columns)
    let scales = encoded.halves("scales")
    result.write(half: "scales") { Half.nearest(scales[$0] * factors[$0 / spans]) }
    return result
  }
}
