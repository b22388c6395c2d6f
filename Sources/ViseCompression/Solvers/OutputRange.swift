public import ViseTensor

/// Chooses the range of integers by the error of the outputs: eᵀHe over the columns that share it.
///
/// AWQ's clipping step (Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression
/// and Acceleration", 2023, arXiv:2306.00978): among ranges shrunk step by step the one whose
/// outputs err least, here with H = E[x xᵀ] in the place of sampled inputs, so that errors of
/// neighbours that cancel are seen to. Scales and zero points then go to their least squares under
/// H as long as that helps. Values are rounded to nearest. Each span is judged alone, by its own
/// block of H.
public struct OutputRange: Sendable {
  public let format: IntegerFormat
  /// E[x xᵀ] of the inputs.
  private let secondMoment: Matrix

  public init(format: IntegerFormat, secondMoment: Matrix) {
    self.format = format
    self.secondMoment = secondMoment
  }

  /// Ranges tried, from the extremes to a third of them.
  static let shrinks: [Float] = (0..<20).map { 1 - 0.035 * Float($0) }
  private static let refits = 3
  /// Rows whose outputs are computed in one product.
  private static let rowsAtOnce = 64

  /// The stored form of `weight`, whose columns are the moment's inputs.
  ///
  /// No span's output error is above that of the range from extreme to extreme, nor, but for a
  /// tensor's, above that of the range `format` chooses with the inputs' mean squares for weights.
  public func encode(_ weight: Matrix, work: RowWork) throws -> EncodedWeight {
    precondition(weight.columns == secondMoment.columns)
    try BLAS.load()
    let shared = try sharedParameters(of: weight, work: work)
    let rounding = GridRounding(codec: format, columns: weight.columns, shared: shared)
    let result = GridCodes(
      rows: weight.rows, columns: weight.columns, spans: rounding.spanCount)
    try work.forEachChunk(of: weight.rows, length: Self.rowsAtOnce) { rows in
      for span in 0..<rounding.spanCount {
        let first = span * rounding.spanLength
        let range = first..<min(first + rounding.spanLength, weight.columns)
        let outputs = SpanOutputs(format, weight, rows: rows, columns: range, secondMoment)
        let parameters =
          shared.isEmpty
          ? search(outputs)
          : [SIMD4](repeating: SIMD4(shared[0], shared[1], 0, 0), count: rows.count)
        for (index, row) in rows.enumerated() {
          result.rowParameters(row)[span] = parameters[index]
          outputs.round(index, parameters[index])
          for column in range {
            result.rowCodes(row)[column] = outputs.codes[column - range.lowerBound]
          }
        }
      }
    }
    return format.pack(result, shared: shared)
  }

  /// The parameters of each row with the least output error.
  private func search(_ outputs: SpanOutputs) -> [SIMD4<Float>] {
    var best = (0..<outputs.rows).map { outputs.weighedFit($0) }
    var errors = outputs.errors(best)
    func take(_ next: [SIMD4<Float>]) -> Bool {
      var isBetter = false
      for (row, error) in outputs.errors(next).enumerated() where error < errors[row] {
        (best[row], errors[row], isBetter) = (next[row], error, true)
      }
      return isBetter
    }
    for shrink in Self.shrinks {
      _ = take((0..<outputs.rows).map { outputs.fit($0, shrink: shrink) })
    }
    for _ in 0..<Self.refits {
      guard take(outputs.refitted(best)) else { break }
    }
    return best
  }

  /// A tensor's scale and zero point, by the errors of all rows; empty for finer granularities.
  private func sharedParameters(of weight: Matrix, work: RowWork) throws -> [Float] {
    guard format.granularity == .tensor else { return [] }
    let all = UnsafeBufferPointer(start: weight.pointer, count: weight.count)
    let fit = format.affineFit
    let candidates = withExtendedLifetime(weight) {
      let (smallest, largest) = (min(0, all.min() ?? 0), max(0, all.max() ?? 0))
      return Self.shrinks.map {
        fit.parameters(smallest: smallest * $0, largest: largest * $0)
      }
    }
    let chunks = stride(from: 0, to: weight.rows, by: Self.rowsAtOnce).map {
      $0..<min($0 + Self.rowsAtOnce, weight.rows)
    }
    let errors = try work.map(rows: chunks.count) { index in
      let outputs = SpanOutputs(
        format, weight, rows: chunks[index], columns: 0..<weight.columns, secondMoment)
      return candidates.map { candidate in
        let same = SIMD4(candidate.scale, candidate.zero, 0, 0)
        return outputs.errors([SIMD4](repeating: same, count: outputs.rows)).reduce(0, +)
      }
    }
    let totals = candidates.indices.map { candidate in
      errors.reduce(0) { $0 + $1[candidate] }
    }
    let best = totals.indices.min { totals[$0] < totals[$1] } ?? 0
    return [candidates[best].scale, candidates[best].zero]
  }
}

/// Some rows of one span, and the outputs its block of H gives them.
private final class SpanOutputs {
  let rows: Int
  /// The codes that `round` chose last.
  let codes: UnsafeMutablePointer<UInt8>
  private let format: IntegerFormat
  private let values: Matrix
  private let moment: Matrix
  private let first: Int
  private let differences: Matrix
  private let products: Matrix
  private let importance: [Float]
  private var levels: [Float]

  init(
    _ format: IntegerFormat, _ weight: Matrix, rows: Range<Int>, columns: Range<Int>,
    _ moment: Matrix
  ) {
    self.format = format
    self.rows = rows.count
    self.moment = moment
    first = columns.lowerBound
    values = Matrix(rows: rows.count, columns: columns.count)
    differences = Matrix(rows: rows.count, columns: columns.count)
    products = Matrix(rows: rows.count, columns: columns.count)
    importance = withExtendedLifetime(moment) { columns.map { moment.row($0)[$0] } }
    levels = [Float](repeating: 0, count: format.levelCount)
    codes = .allocate(capacity: columns.count)
    withExtendedLifetime(weight) {
      for (index, row) in rows.enumerated() {
        values.row(index).update(
          from: weight.row(row) + columns.lowerBound, count: columns.count)
      }
    }
  }

  deinit { codes.deallocate() }

  private var length: Int { values.columns }

  private func span(_ row: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: values.row(row), count: length)
  }

  /// The range from extreme to extreme, times `shrink`.
  func fit(_ row: Int, shrink: Float) -> SIMD4<Float> {
    let values = span(row)
    let fitted = format.affineFit.parameters(
      smallest: min(0, values.min() ?? 0) * shrink, largest: max(0, values.max() ?? 0) * shrink)
    return SIMD4(fitted.scale, fitted.zero, 0, 0)
  }

  /// The range of the least error weighed by the inputs' mean squares.
  func weighedFit(_ row: Int) -> SIMD4<Float> {
    importance.withUnsafeBufferPointer {
      format.fit(span(row), importance: $0, shared: [], row: row)
    }
  }

  /// Writes the codes of the levels nearest to a row's values.
  func round(_ row: Int, _ parameters: SIMD4<Float>) {
    format.levels(parameters, shared: [], into: &levels)
    levels.withUnsafeBufferPointer { GridKernels.codes(span(row), levels: $0, into: codes) }
  }

  /// eᵀHe of each row under its parameters.
  func errors(_ parameters: [SIMD4<Float>]) -> [Double] {
    for row in 0..<rows {
      round(row, parameters[row])
      let (from, to) = (values.row(row), differences.row(row))
      for column in 0..<length { to[column] = levels[Int(codes[column])] - from[column] }
    }
    multiply()
    return (0..<rows).map {
      Kernels.dot(differences.row($0), products.row($0), count: length)
    }
  }

  /// products = differences · H.
  private func multiply() {
    withExtendedLifetime((moment, differences, products)) {
      BLAS.multiply(
        m: rows, n: length, k: length, a: differences.pointer, strideA: length,
        b: moment.row(first) + first, strideB: moment.columns, c: products.pointer,
        strideC: length)
    }
  }

  /// The scales and zero points of least squares for the codes that `parameters` give.
  func refitted(_ parameters: [SIMD4<Float>]) -> [SIMD4<Float>] {
    for row in 0..<rows {
      round(row, parameters[row])
      let to = differences.row(row)
      for column in 0..<length { to[column] = Float(Int(codes[column]) + format.low) }
    }
    multiply()
    let ones = (0..<length).map { column in
      (0..<length).reduce(0.0) { $0 + Double(moment.row(first + $1)[first + column]) }
    }
    return (0..<rows).map { refitted(row: $0, parameters[$0], ones: ones) }
  }

  /// Minimises ‖s·(q − z) − w‖² under H for the codes q, z being 0 or the whole number nearest to
  /// the best.
  private func refitted(
    row: Int, _ parameters: SIMD4<Float>, ones: [Double]
  ) -> SIMD4<Float> {
    let (codes, product, weights) = (differences.row(row), products.row(row), values.row(row))
    let codeCode = Kernels.dot(product, codes, count: length)
    let codeWeight = Kernels.dot(product, weights, count: length)
    var zero = 0.0
    var sums = (codeOne: 0.0, weightOne: 0.0, oneOne: 0.0)
    if !format.isSymmetric {
      for column in 0..<length {
        sums.codeOne += Double(codes[column]) * ones[column]
        sums.weightOne += Double(weights[column]) * ones[column]
        sums.oneOne += ones[column]
      }
      let determinant = codeCode * sums.oneOne - sums.codeOne * sums.codeOne
      let slope = codeWeight * sums.oneOne - sums.codeOne * sums.weightOne
      let offset = codeCode * sums.weightOne - sums.codeOne * codeWeight
      guard determinant > 0, slope > 0 else { return parameters }
      zero = min(max((-offset / slope).rounded(), 0), Double(format.high))
    }
    let square = codeCode - 2 * zero * sums.codeOne + zero * zero * sums.oneOne
    guard square > 0 else { return parameters }
    let scale = Half.nearest(Float((codeWeight - zero * sums.weightOne) / square))
    return scale > 0 ? SIMD4(scale, Float(zero), 0, 0) : parameters
  }
}
