public import ViseTensor

/// Integers nearest to a weight among those whose sums of products no accumulator overflows.
///
/// The bound of A2Q (Colbert, Pappalardo and Petri-Koenig, arXiv:2308.13504, eq. 11), met by
/// projection onto the ℓ1 ball as in A2Q+ (arXiv:2401.10432, section 4) instead of by training. Codes
/// are whole numbers, for which the projection is exact: the cost Σ c_j (s·q_j − w_j)² is separable and convex,
/// so taking the cheapest step towards zero until ‖q‖₁ is within the bound ends at the least cost.
/// The scale of each span is the best of several, from the one without a bound to four times it.
public struct AccumulatorProjection: Sendable {
  public let format: IntegerFormat
  /// The largest ‖q‖₁ of a span.
  public let codeNorm: Int

  /// Bits of the inputs, signed.
  public static let activationBits = 8
  private static let scaleSteps = 24

  public init(format: IntegerFormat, accumulatorBits: Int) {
    precondition(format.isSymmetric && format.granularity != .tensor)
    self.format = format
    codeNorm = AccumulatorWidth.largestCodeNorm(
      bits: accumulatorBits, activationBits: Self.activationBits)
  }

  /// The stored form of `weight`; squared errors are weighed by `importance`, one number a column.
  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let spans = format.spanCount(columns: weight.columns)
    let length = format.spanLength(columns: weight.columns)
    let result = GridCodes(rows: weight.rows, columns: weight.columns, spans: spans)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      for row in rows {
        for span in 0..<spans {
          let range = span * length..<min((span + 1) * length, weight.columns)
          let values = UnsafeBufferPointer(
            start: weight.row(row) + range.lowerBound, count: range.count)
          let (scale, codes) = withSlice(of: importance, range) { project(values, $0) }
          result.rowParameters(row)[span] = SIMD4(scale, 0, 0, 0)
          for (column, code) in zip(range, codes) {
            result.rowCodes(row)[column] = UInt8(code - format.low)
          }
        }
      }
    }
    return format.pack(result, shared: [])
  }

  private func project(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?
  ) -> (scale: Float, codes: [Int]) {
    let first = format.affineFit.fit(values, importance: importance).scale
    var best = (scale: first, codes: [Int](repeating: 0, count: values.count))
    guard first > 0 else { return best }
    var least = Double.infinity
    for step in 0...Self.scaleSteps {
      let scale = Half.nearest(first * (1 + Float(step) / 8))
      let codes = codes(values, importance, scale: scale)
      let error = values.indices.reduce(0.0) { sum, index in
        let error = Double(scale) * Double(codes[index]) - Double(values[index])
        return sum + error * error * Double(importance?[index] ?? 1)
      }
      if error < least { (best, least) = ((scale, codes), error) }
      // Larger scales only help where the bound took something away.
      if step == 0, codes == nearest(values, scale: scale) { break }
    }
    return best
  }

  private func nearest(_ values: UnsafeBufferPointer<Float>, scale: Float) -> [Int] {
    values.map { value in
      let code = (value / scale).rounded()
      return Int(min(max(code.isFinite ? code : 0, Float(format.low)), Float(format.high)))
    }
  }

  /// The codes of least cost within the bound, for one scale.
  func codes(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    scale: Float
  ) -> [Int] {
    var codes = nearest(values, scale: scale)
    let excess = codes.reduce(0) { $0 + abs($1) } - codeNorm
    guard excess > 0 else { return codes }
    var steps: [(cost: Double, index: Int)] = []
    for (index, code) in codes.enumerated() where code != 0 {
      let distance = Double(abs(values[index] / scale)) - Double(abs(code))
      for step in 1...abs(code) {
        let cost = (2 * distance + 2 * Double(step) - 1) * Double(importance?[index] ?? 1)
        steps.append((cost, index))
      }
    }
    steps.sort { ($0.cost, $0.index) < ($1.cost, $1.index) }
    for step in steps.prefix(excess) {
      codes[step.index] -= codes[step.index].signum()
    }
    return codes
  }
}
