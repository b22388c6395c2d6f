/// Sums of a weighted regression of values on codes, in double.
struct RegressionSums {
  private var weight = 0.0
  private var code = 0.0
  private var value = 0.0
  private var codeCode = 0.0
  private var codeValue = 0.0

  mutating func add(value x: Float, code q: Float, weight w: Float) {
    let (x, q, w) = (Double(x), Double(q), Double(w))
    weight += w
    code += w * q
    value += w * x
    codeCode += w * q * q
    codeValue += w * q * x
  }

  /// value ≈ slope · code.
  var proportional: (slope: Double, offset: Double)? {
    codeCode > 0 ? (codeValue / codeCode, 0) : nil
  }

  /// value ≈ slope · code + offset, with a slope above 0.
  var line: (slope: Double, offset: Double)? {
    let determinant = weight * codeCode - code * code
    guard determinant > 0 else { return nil }
    let slope = (weight * codeValue - code * value) / determinant
    guard slope > 0 else { return nil }
    return (slope, (value - slope * code) / weight)
  }
}
