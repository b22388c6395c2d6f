public import ViseTensor

/// The mean error of a site's outputs, for the bias, or the next norm, to take up.
///
/// Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
/// section 4.2: E[Wx] − E[Ŵx].
public enum BiasCorrection {
  /// What must be added to the outputs of `decoded` so that their mean is that of `weight`'s.
  ///
  /// - Parameter mean: E[x] of each input channel.
  public static func correction(
    weight: Matrix, decoded: Matrix, mean: [Float]
  ) -> [Float] {
    precondition(
      weight.rows == decoded.rows && weight.columns == decoded.columns
        && mean.count == weight.columns)
    return withExtendedLifetime((weight, decoded)) {
      (0..<weight.rows).map { row in
        let exact = Kernels.dot(weight.row(row), mean, count: mean.count)
        return Float(exact - Kernels.dot(decoded.row(row), mean, count: mean.count))
      }
    }
  }
}
