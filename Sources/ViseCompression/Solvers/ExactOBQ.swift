public import ViseTensor

/// Rounds the weights of each row one at a time, cheapest first, the others making up for each.
///
/// Frantar, Singh and Alistarh, "Optimal Brain Compression" (arXiv:2208.11580, section 5, algorithm
/// 3): p = argmin (q(w[p]) − w[p])² / H⁻¹[p, p] takes its nearest level q, and the rest is updated.
/// Weights more than half a step from their level, which lie beyond the range, go first. Ranges are
/// fitted beforehand. Where GPTQ has one order for all rows, here every row has its own, which takes
/// an inverse of its own. With a few inputs much larger than the rest the cheapest first leaves the
/// dearest to the end, and GPTQ in the order of activations errs less.
public struct ExactOBQ: Sendable {
  public let format: IntegerFormat
  private let inverse: Matrix
  private let importance: [Float]

  /// rows × columns³ beyond which it would take more than some five minutes on two cores.
  static let workLimit = 2.2e12

  public init(format: IntegerFormat, factor: InputFactor) {
    self.format = format
    inverse = factor.inverse
    importance = LinearAlgebra.diagonal(of: factor.moment)
  }

  /// Why a weight of `rows` × `columns` takes too long; `nil` where it does not.
  static func misfit(rows: Int, columns: Int) -> String? {
    let work = Double(rows) * Double(columns) * Double(columns) * Double(columns)
    guard work > workLimit else { return nil }
    return "obq inverts a matrix for each row, \(rows) rows of \(columns) take hours: use gptq"
  }

  /// The stored form of `weight`, whose columns are the factor's inputs.
  ///
  /// Pruned weights are settled before all others, at the level nearest to zero.
  public func encode(_ weight: Matrix, mask: Mask? = nil, work: RowWork) throws -> EncodedWeight {
    precondition(weight.columns == inverse.columns)
    if let problem = Self.misfit(rows: weight.rows, columns: weight.columns) {
      throw CompressionError.unsuitable(problem)
    }
    let kept = try mask.map { try Self.masked(weight, $0) } ?? weight
    let shared = try format.sharedParameters(for: kept, importance: importance, work: work)
    let result = GridCodes(
      rows: weight.rows, columns: weight.columns,
      spans: format.spanCount(columns: weight.columns))
    let rounding = GridRounding(codec: format, columns: weight.columns, shared: shared)
    try work.forEachChunk(of: weight.rows, length: 1) { rows in
      try withExtendedLifetime((weight, kept)) {
        for row in rows {
          // Fits the spans; the codes are replaced.
          rounding.round(kept.row(row), importance: importance, row: row, into: result)
          try settle(weight.row(row), row: row, mask: mask, shared: shared, work, result)
        }
      }
    }
    return format.pack(result, shared: shared)
  }

  private func settle(
    _ values: UnsafePointer<Float>, row: Int, mask: Mask?, shared: [Float], _ work: RowWork,
    _ result: GridCodes
  ) throws {
    let length = format.spanLength(columns: inverse.columns)
    let grids = result.rowParameters(row).map { parameters in
      var levels = [Float](repeating: 0, count: format.levelCount)
      format.levels(parameters, shared: shared, into: &levels)
      return levels
    }
    var surgery = RowSurgery(values, inverse: inverse)
    let codes = result.rowCodes(row)
    func settle(_ place: Int, _ value: Float) {
      let (column, levels) = (surgery.columns[place], grids[surgery.columns[place] / length])
      let code = GridRounding<IntegerFormat>.nearest(value, levels)
      codes[column] = UInt8(code)
      surgery.settle(place, at: levels[code])
    }
    if let mask {
      while let place = surgery.cheapest({ mask[row, surgery.columns[$0]] ? nil : 0 }) {
        settle(place, 0)
      }
    }
    while !surgery.columns.isEmpty {
      try work.cancellation.check()
      // What lies beyond the range costs less than nothing, so that it goes first.
      let place = surgery.cheapest { place in
        let levels = grids[surgery.columns[place] / length]
        let value = surgery.values[place]
        let error = abs(levels[GridRounding<IntegerFormat>.nearest(value, levels)] - value)
        let cost = error * error / surgery.diagonal(place)
        let isBeyond = error > 0.51 * (levels[1] - levels[0]) && levels[1] > levels[0]
        return isBeyond ? -1 / max(cost, .leastNormalMagnitude) : cost
      }
      guard let place else { break }
      settle(place, surgery.values[place])
    }
  }

  /// `weight` with pruned weights as zero.
  private static func masked(_ weight: Matrix, _ mask: Mask) throws -> Matrix {
    let kept = weight.copy()
    let factors = mask.factors(0..<weight.rows)
    withExtendedLifetime((kept, factors)) {
      for index in 0..<kept.count { kept.pointer[index] *= factors.pointer[index] }
    }
    return kept
  }
}
