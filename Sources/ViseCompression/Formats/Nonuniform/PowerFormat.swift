import Glibc
public import ViseTensor

/// Levels on a power law: x̂ = s·sgn(k)·(|k|/K)^(1/a), K = 2^(b−1) − 1, with one exponent a a tensor.
///
/// Yvinec et al., "NUPES: Non-Uniform Post-Training Quantization via Power Exponent Search" (2023),
/// eq. 6; codes are chosen nearest in x, not in x^a. The exponent is the one between 0.3 and 1 that
/// leaves the least error on a sample of rows. Parts: `codes` U8 [rows, ⌈columns·b/8⌉], k + K in b
/// bits; `scales` F16 [rows, spans]; `exponent` F32 [1]; `table` F32 [2K + 1], the levels for s = 1.
/// x̂ = table[code] · scale in float32.
public struct PowerFormat: GridCodec {
  public let bits: Int
  public let granularity: Granularity

  public init(bits: Int, granularity: Granularity = .group(128)) {
    precondition((2...8).contains(bits) && granularity != .tensor)
    self.bits = bits
    self.granularity = granularity
  }

  /// `power4`, with such as `g128` or `channel`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("power"), let bits = Int(base.dropFirst(5)), (2...8).contains(bits),
      base == "power\(bits)", options.count <= 1
    else { return nil }
    guard let option = options.first else {
      self.init(bits: bits)
      return
    }
    guard let granularity = Granularity(name: option), granularity != .tensor else { return nil }
    self.init(bits: bits, granularity: granularity)
  }

  public var name: String { "power\(bits):" + granularity.name }
  public var codeBits: Int { bits }
  public var levelCount: Int { (1 << bits) - 1 }
  public var bitsPerWeight: Double { Double(bits) + granularity.bitsPerWeight(16) }

  public func spanLength(columns: Int) -> Int { granularity.spanLength(columns: columns) }

  /// The exponent, then the levels for a scale of 1.
  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    let search = try ExponentSearch(format: self, weight: weight, importance: importance)
    let exponent = try search.best(work: work)
    return [exponent] + table(exponent: exponent)
  }

  func table(exponent: Float) -> [Float] {
    let reach = (1 << (bits - 1)) - 1
    return (-reach...reach).map { code in
      let magnitude = pow(abs(Double(code)) / Double(reach), 1 / Double(exponent))
      return Float(code < 0 ? -magnitude : magnitude)
    }
  }

  func tableFit(_ table: [Float]) -> TableFit {
    let factors =
      bits > 6
      ? [1, 0.95, 0.9] : (0..<16).map { 1.02 - 0.04 * Float($0) }
    return TableFit(table: table, scaleType: .half, centre: nil, factors: factors)
  }

  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
  ) -> SIMD4<Float> {
    let fitted = tableFit(Array(shared.dropFirst())).fit(values, importance: importance)
    return SIMD4(fitted.scale, 0, 0, 0)
  }

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    for code in 0..<levelCount { levels[code] = shared[1 + code] * parameters[0] }
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    [
      WeightPart(name: "scales", type: .float16, shape: [rows, spans]),
      WeightPart(name: "exponent", type: .float32, shape: [1]),
      WeightPart(name: "table", type: .float32, shape: [levelCount]),
    ]
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    encoded.write(half: "scales") { parameters[$0][0] }
    encoded.write(float: "exponent") { _ in shared[0] }
    encoded.write(float: "table") { shared[1 + $0] }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let parameters = encoded.halves("scales").map { SIMD4($0, 0, 0, 0) }
    return (parameters, encoded.floats("exponent") + encoded.floats("table"))
  }
}

/// Finds a power format's exponent on rows spread over a weight, of some 32,768 numbers.
private struct ExponentSearch {
  let format: PowerFormat
  let sample: Matrix
  let importance: [Float]?

  init(format: PowerFormat, weight: Matrix, importance: [Float]?) throws {
    self.format = format
    self.importance = importance
    let count = min(weight.rows, max(1, 32_768 / max(weight.columns, 1)))
    sample = Matrix(rows: count, columns: weight.columns)
    for row in 0..<count {
      sample.row(row).update(from: weight.row(row * weight.rows / count), count: weight.columns)
    }
    withExtendedLifetime(weight) {}
  }

  /// A grid of eighths of the range, then halved steps around its best.
  func best(work: RowWork) throws -> Float {
    var best: Float = 1
    var error = try squaredError(1, work: work)
    for exponent in stride(from: Float(0.3), to: 1, by: 0.1) {
      let found = try squaredError(exponent, work: work)
      if found < error { (best, error) = (exponent, found) }
    }
    var step: Float = 0.05
    for _ in 0..<3 {
      for exponent in [best - step, best + step] where exponent >= 0.3 && exponent <= 1 {
        let found = try squaredError(exponent, work: work)
        if found < error { (best, error) = (exponent, found) }
      }
      step /= 2
    }
    return best
  }

  private func squaredError(_ exponent: Float, work: RowWork) throws -> Double {
    let table = format.table(exponent: exponent)
    let fit = format.tableFit(table)
    let length = format.spanLength(columns: sample.columns)
    let errors = try work.map(rows: sample.rows) { row in
      var error = 0.0
      for start in stride(from: 0, to: sample.columns, by: length) {
        let range = start..<min(start + length, sample.columns)
        let values = UnsafeBufferPointer(start: sample.row(row) + start, count: range.count)
        error += withSlice(of: importance, range) { weights in
          let scale = fit.fit(values, importance: weights).scale
          return GridKernels.error(values, importance: weights, levels: table.map { $0 * scale })
        }
      }
      return error
    }
    return errors.reduce(0, +)
  }
}
