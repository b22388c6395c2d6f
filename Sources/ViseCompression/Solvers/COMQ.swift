public import ViseTensor

/// Coordinate descent on codes and scales against the outputs: min ‖X·w − X·(s ⊙ q)‖² row by row.
///
/// COMQ (Zhang et al., "A Backpropagation-Free Algorithm for Post-Training Quantization", 2024):
/// columns are visited by falling |w|·‖x‖ (greedy order); a code moves to
/// clip(round(xᵢᵀ(r + s·qᵢ·xᵢ) / (s·‖xᵢ‖²))), and after each sweep the scales to their least
/// squares, ⟨Xq, Xw⟩ / ‖Xq‖². Written with H = E[x xᵀ] in the place of XᵀX; a group's scale is fitted
/// to what the other groups leave.
public struct COMQ: Sendable {
  public let format: IntegerFormat
  /// E[x xᵀ], with something on the diagonal where inputs are silent.
  private let secondMoment: Matrix
  /// Sweeps over all columns.
  public let sweeps: Int

  /// - Precondition: `format` is symmetric, with a scale per channel or group.
  public init(format: IntegerFormat, secondMoment: Matrix, sweeps: Int = 4) {
    precondition(format.isSymmetric && format.granularity != .tensor && sweeps > 0)
    self.format = format
    self.secondMoment = secondMoment
    self.sweeps = sweeps
  }

  /// The stored form of `weight`; codes of pruned weights stay zero, and the others make up for it.
  public func encode(
    _ weight: Matrix, pruned: PrunedWeight? = nil, work: RowWork
  ) throws -> EncodedWeight {
    precondition(weight.columns == secondMoment.columns)
    let spans = format.spanCount(columns: weight.columns)
    let result = GridCodes(rows: weight.rows, columns: weight.columns, spans: spans)
    let diagonal = LinearAlgebra.diagonal(of: secondMoment)
    let rounding = GridRounding(codec: format, columns: weight.columns, shared: [])
    try work.forEachChunk(of: weight.rows, length: 8) { rows in
      for row in rows {
        rounding.round(
          (pruned?.values ?? weight).row(row), importance: diagonal, row: row, into: result)
        var descent = RowDescent(
          format: format, moment: secondMoment, diagonal: diagonal, weight: weight.row(row),
          visited: weightsKept(of: row, pruned?.mask, columns: weight.columns),
          codes: result.rowCodes(row), scales: result.rowParameters(row).map { $0[0] })
        let scales = descent.run(sweeps: sweeps)
        for (span, scale) in scales.enumerated() {
          result.rowParameters(row)[span] = SIMD4(scale, 0, 0, 0)
        }
      }
    }
    return withExtendedLifetime((weight, pruned, secondMoment)) { format.pack(result, shared: []) }
  }

  private func weightsKept(of row: Int, _ mask: Mask?, columns: Int) -> [Int] {
    (0..<columns).filter { mask?[row, $0] ?? true }
  }
}

/// The descent of one row.
private struct RowDescent {
  let format: IntegerFormat
  let moment: Matrix
  let diagonal: [Float]
  let weight: UnsafePointer<Float>
  let codes: UnsafeMutableBufferPointer<UInt8>
  var scales: [Float]
  /// H·(w − s ⊙ q).
  private var gradient: [Float] = []
  private var order: [Int] = []

  init(
    format: IntegerFormat, moment: Matrix, diagonal: [Float], weight: UnsafePointer<Float>,
    visited: [Int], codes: UnsafeMutableBufferPointer<UInt8>, scales: [Float]
  ) {
    self.format = format
    self.moment = moment
    self.diagonal = diagonal
    self.weight = weight
    self.codes = codes
    self.scales = scales
    order = visited.sorted {
      weight[$0] * weight[$0] * diagonal[$0] > weight[$1] * weight[$1] * diagonal[$1]
    }
  }

  private var length: Int { format.spanLength(columns: codes.count) }

  private func value(_ column: Int) -> Float { Float(Int(codes[column]) + format.low) }

  /// The scales, as half floats, of the codes it leaves behind; never worse than at first.
  mutating func run(sweeps: Int) -> [Float] {
    resetGradient()
    var best = (error: error(), codes: Array(codes), scales: scales)
    for _ in 0..<sweeps {
      sweep()
      refitScales()
      resetGradient()
      let found = error()
      guard found < best.error else { break }
      best = (found, Array(codes), scales)
    }
    for column in codes.indices { codes[column] = best.codes[column] }
    return best.scales
  }

  private func difference() -> [Float] {
    codes.indices.map { weight[$0] - scales[$0 / length] * value($0) }
  }

  private mutating func resetGradient() {
    let difference = difference()
    gradient = codes.indices.map { column in
      Float(Kernels.dot(moment.row(column), difference, count: codes.count))
    }
  }

  private func error() -> Double {
    Kernels.dot(gradient, difference(), count: codes.count)
  }

  private mutating func sweep() {
    for column in order {
      let scale = scales[column / length]
      guard scale > 0, diagonal[column] > 0 else { continue }
      let old = value(column)
      let wanted = (old + gradient[column] / (scale * diagonal[column])).rounded()
      let new = min(max(wanted, Float(format.low)), Float(format.high))
      guard new != old else { continue }
      codes[column] = UInt8(Int(new) - format.low)
      subtract(moment.row(column), times: scale * (new - old))
    }
  }

  private mutating func subtract(_ row: UnsafePointer<Float>, times factor: Float) {
    gradient.withUnsafeMutableBufferPointer { gradient in
      for index in gradient.indices { gradient[index] -= factor * row[index] }
    }
  }

  /// Each span's scale at the least squares of what the other spans leave, one after the other.
  private mutating func refitScales() {
    for span in scales.indices {
      let range = span * length..<min((span + 1) * length, codes.count)
      var part = [Float](repeating: 0, count: codes.count)
      for column in range { part[column] = value(column) }
      var projected = [Float](repeating: 0, count: codes.count)
      for column in range where part[column] != 0 {
        let (row, factor) = (moment.row(column), part[column])
        for index in projected.indices { projected[index] += factor * row[index] }
      }
      let square = Kernels.dot(part, projected, count: codes.count)
      guard square > 0 else { continue }
      let change = Kernels.dot(part, gradient, count: codes.count) / square
      let scale = Half.nearest(scales[span] + Float(change))
      guard scale > 0 else { continue }
      let step = scale - scales[span]
      scales[span] = scale
      for index in gradient.indices { gradient[index] -= step * projected[index] }
    }
  }
}
