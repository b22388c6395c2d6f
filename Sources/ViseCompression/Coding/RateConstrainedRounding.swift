import Glibc
public import ViseTensor

/// Rounds with a price on the codes' bits: each code minimises D + λ·R, its weighed squared error
/// and the length the entropy coder gives it.
///
/// The cost J of BackSlash (2025) and of entropy-constrained quantization (Chou, Lookabaugh and
/// Gray, 1989): lengths are those of the codes' frequencies under the rounding before.
public struct RateConstrainedRounding<Codec: GridCodec>: Sendable {
  public let codec: Codec
  /// λ, in squared errors a bit, relative to a twelfth of the mean squared step.
  public let price: Double
  public let rounds: Int

  public init(codec: Codec, price: Double, rounds: Int = 3) {
    precondition(price >= 0 && rounds > 0)
    self.codec = codec
    self.price = price
    self.rounds = rounds
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let shared = try codec.sharedParameters(for: weight, importance: importance, work: work)
    let rounding = GridRounding(codec: codec, columns: weight.columns, shared: shared)
    let result = GridCodes(
      rows: weight.rows, columns: weight.columns, spans: rounding.spanCount)
    try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
      for row in rows {
        rounding.round(weight.row(row), importance: importance, row: row, into: result)
      }
    }
    for _ in 0..<rounds {
      let lengths = lengths(of: result)
      try work.forEachChunk(rows: weight.rows, columns: weight.columns) { rows in
        for row in rows {
          choose(weight.row(row), rounding, importance, lengths, row: row, into: result)
        }
      }
    }
    return withExtendedLifetime(weight) { codec.pack(result, shared: shared) }
  }

  /// −log₂ of the codes' frequencies; codes that do not occur stay reachable.
  private func lengths(of result: GridCodes) -> [Float] {
    var counts = [Double](repeating: 0.5, count: codec.levelCount)
    for index in 0..<result.rows * result.columns {
      counts[Int(result.codes.storage[index])] += 1
    }
    let total = counts.reduce(0, +)
    return counts.map { Float(-log2($0 / total)) }
  }

  private func choose(
    _ values: UnsafePointer<Float>, _ rounding: GridRounding<Codec>, _ importance: [Float]?,
    _ lengths: [Float], row: Int, into result: GridCodes
  ) {
    let codes = result.rowCodes(row)
    var levels = [Float](repeating: 0, count: codec.levelCount)
    for (span, parameters) in result.rowParameters(row).enumerated() {
      codec.levels(parameters, shared: rounding.shared, into: &levels)
      let step = (levels[levels.count - 1] - levels[0]) / Float(levels.count - 1)
      let start = span * rounding.spanLength
      let mean = withSlice(
        of: importance, start..<min(start + rounding.spanLength, result.columns)
      ) { $0.map { $0.reduce(0, +) / Float($0.count) } ?? 1 }
      let lambda = Float(price) * step * step / 12 * mean
      for column in start..<min(start + rounding.spanLength, result.columns) {
        codes[column] = UInt8(
          best(values[column], importance?[column] ?? 1, levels, lengths, lambda))
      }
    }
  }

  private func best(
    _ value: Float, _ importance: Float, _ levels: [Float], _ lengths: [Float], _ lambda: Float
  ) -> Int {
    var best = 0
    var least = Float.infinity
    for code in levels.indices {
      let off = value - levels[code]
      let cost = off * off * importance + lambda * lengths[code]
      if cost < least { (best, least) = (code, cost) }
    }
    return best
  }
}
