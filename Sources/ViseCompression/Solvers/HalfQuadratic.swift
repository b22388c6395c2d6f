import Glibc
public import ViseTensor

/// Half-quadratic quantization: offsets that minimise a norm below 1 of the errors, which lets a
/// few outliers err so that the others need not.
///
/// HQQ (Badri and Shaji, "Half-Quadratic Quantization of Large Machine Learning Models", 2023):
/// with the scale from the extremes, alternate e ← shrink(W − Ŵ, β) with
/// shrink(x) = sgn(x)·max(0, |x| − p·|x|^(p−1)/β), offset ← mean(W − e − s·q), β ← κβ.
public struct HalfQuadratic: Sendable {
  public let format: OffsetFormat
  /// The norm, between 0 and 1.
  public var exponent = 0.7
  /// The strength β of the split at first, errors being counted in steps.
  public var strength = 10.0
  public var growth = 1.01
  public var iterations = 20

  public init(format: OffsetFormat) {
    precondition(format.granularity != .tensor)
    self.format = format
  }

  public func encode(_ weight: Matrix, work: RowWork) throws -> EncodedWeight {
    let spans = format.spanCount(columns: weight.columns)
    let length = format.spanLength(columns: weight.columns)
    let result = GridCodes(rows: weight.rows, columns: weight.columns, spans: spans)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      var levels = [Float](repeating: 0, count: format.levelCount)
      for row in rows {
        guard let codes = result.rowCodes(row).baseAddress else { continue }
        for span in 0..<spans {
          let range = span * length..<min((span + 1) * length, weight.columns)
          let values = UnsafeBufferPointer(
            start: weight.row(row) + range.lowerBound, count: range.count)
          let parameters = fit(values)
          result.rowParameters(row)[span] = parameters
          format.levels(parameters, shared: [], into: &levels)
          levels.withUnsafeBufferPointer {
            GridKernels.codes(values, levels: $0, into: codes + range.lowerBound)
          }
        }
      }
    }
    return withExtendedLifetime(weight) { format.pack(result, shared: []) }
  }

  /// Scale and offset of a span.
  func fit(_ values: UnsafeBufferPointer<Float>) -> SIMD4<Float> {
    let smallest = values.min() ?? 0
    let largest = values.max() ?? 0
    let scale = Half.nearest((largest - smallest) / Float(format.levelCount - 1))
    let start = Half.nearest((largest + smallest) / 2)
    guard scale > 0, scale.isFinite else { return SIMD4(0, start, 0, 0) }
    var offset = Double(start)
    var best = (offset: offset, error: norm(values, scale, offset))
    var beta = strength
    for _ in 0..<iterations {
      offset = next(values, Double(scale), offset, beta)
      let error = norm(values, scale, offset)
      guard error < best.error else { break }
      best = (offset, error)
      beta *= growth
    }
    return SIMD4(scale, Half.nearest(Float(best.offset)), 0, 0)
  }

  private func rounded(_ value: Float, _ scale: Double, _ offset: Double) -> Double {
    let reach = Double(format.levelCount - 1) / 2
    let code = ((Double(value) - offset) / scale + reach).rounded(.toNearestOrEven)
    return (min(max(code, 0), 2 * reach) - reach) * scale
  }

  /// Σ |x − x̂|^p.
  private func norm(
    _ values: UnsafeBufferPointer<Float>, _ scale: Float, _ offset: Double
  ) -> Double {
    values.reduce(0.0) { sum, value in
      sum + pow(abs(Double(value) - rounded(value, Double(scale), offset) - offset), exponent)
    }
  }

  private func next(
    _ values: UnsafeBufferPointer<Float>, _ scale: Double, _ offset: Double, _ beta: Double
  ) -> Double {
    var sum = 0.0
    for value in values {
      let code = rounded(value, scale, offset)
      let error = Double(value) - code - offset
      let size = abs(error) / scale
      let shrunk =
        size > 0 ? scale * max(0, size - exponent * pow(size, exponent - 1) / beta) : 0
      sum += Double(value) - (error < 0 ? -shrunk : shrunk) - code
    }
    return sum / Double(values.count)
  }
}
