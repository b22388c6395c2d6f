/// The fourth standardised moment, E[(w − μ)⁴] / E[(w − μ)²]²: 3 for normal values, more with
/// outliers.
///
/// Pearson, "Das Fehlergesetz und seine Verallgemeinerungen" (Biometrika 4, 1905).
public enum Kurtosis {
  /// The kurtosis of `values`; `nil` where all are equal or there are none.
  public static func of(_ values: UnsafeBufferPointer<Float>) -> Double? {
    guard !values.isEmpty else { return nil }
    let count = Double(values.count)
    var sum = 0.0
    for value in values { sum += Double(value) }
    let mean = sum / count
    var (second, fourth) = (0.0, 0.0)
    for value in values {
      let square = (Double(value) - mean) * (Double(value) - mean)
      second += square
      fourth += square * square
    }
    return second > 0 ? fourth * count / (second * second) : nil
  }
}
