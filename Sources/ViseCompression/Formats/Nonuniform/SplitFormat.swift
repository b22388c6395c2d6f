public import ViseTensor

/// Integers of more bits for the first columns of a row than for the rest.
///
/// ResQ (Saxena et al., "ResQ: Mixed-Precision Quantization of Large Language Models with Low-Rank
/// Residuals", 2024, section 3): where a rotation gathers the inputs' energy in the first
/// dimensions, those are kept at 8 bits and the others at 4.
///
/// Parts: those of `IntegerFormat` for the first `high` columns, their names followed by 0, and for
/// the others, followed by 1. Both are symmetric or asymmetric alike, with groups counted from the
/// first column of each.
public struct SplitFormat: WeightCodec {
  /// Columns at more bits.
  public let high: Int
  /// The formats of the first columns and of the rest.
  public let first: IntegerFormat
  public let rest: IntegerFormat

  public init(high: Int, first: IntegerFormat, rest: IntegerFormat) {
    precondition(
      high > 0 && first.granularity == rest.granularity && first.granularity != .tensor
        && first.isSymmetric == rest.isSymmetric && first.range == rest.range)
    self.high = high
    self.first = first
    self.rest = rest
  }

  /// `split84:k64`: 64 columns of 8 bits, others of 4, with the options of `int4`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("split"), base.utf8.count == 7,
      let bits = Int(base.dropFirst(5)), base == "split\(bits)",
      let option = options.first, option.hasPrefix("k"), let high = Int(option.dropFirst()),
      (1...1 << 20).contains(high), option == "k\(high)",
      let rest = IntegerFormat(base: "int\(bits % 10)", options: Array(options.dropFirst())),
      (2...8).contains(bits / 10), rest.granularity != .tensor
    else { return nil }
    let first = IntegerFormat(
      bits: bits / 10, granularity: rest.granularity, isSymmetric: rest.isSymmetric,
      range: rest.range)
    self.init(high: high, first: first, rest: rest)
  }

  public var name: String {
    "split\(first.bits)\(rest.bits):k\(high)" + rest.name.dropFirst("int\(rest.bits)".count)
  }

  /// That of rows much longer than their first part.
  public var bitsPerWeight: Double { rest.bitsPerWeight }

  public var methods: Set<Method> { [.best, .roundToNearest, .weighted, .gptq] }

  public func misfit(columns: Int) -> String? {
    columns > high ? nil : "\(name) needs rows of more than \(high) columns"
  }

  /// The two parts of a row with their formats.
  func parts(columns: Int) -> [(columns: Range<Int>, format: IntegerFormat)] {
    [(0..<high, first), (high..<columns, rest)]
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    parts(columns: columns).enumerated().flatMap { index, part in
      part.format.layout(rows: rows, columns: part.columns.count).map {
        WeightPart(name: "\($0.name)\(index)", type: $0.type, shape: $0.shape)
      }
    }
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let encoded = try parts(columns: weight.columns).map { range, format in
      try format.encode(
        weight.columns(range), importance: importance.map { Array($0[range]) }, work: work)
    }
    return joined(encoded, columns: weight.columns)
  }

  /// A row's two parts as one stored weight.
  func joined(_ encoded: [EncodedWeight], columns: Int) -> EncodedWeight {
    EncodedWeight(
      rows: encoded[0].rows, columns: columns,
      parts: encoded.enumerated().flatMap { index, weight in
        weight.parts.map { stored in
          EncodedWeight.Part(
            WeightPart(
              name: "\(stored.part.name)\(index)", type: stored.part.type,
              shape: stored.part.shape),
            bytes: stored.bytes)
        }
      })
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let values = Matrix(rows: encoded.rows, columns: encoded.columns)
    for (index, part) in parts(columns: encoded.columns).enumerated() {
      let layout = part.format.layout(rows: encoded.rows, columns: part.columns.count)
      let decoded = try part.format.decode(
        EncodedWeight(
          rows: encoded.rows, columns: part.columns.count,
          parts: layout.map {
            EncodedWeight.Part($0, bytes: encoded.bytes("\($0.name)\(index)"))
          }), work: work)
      withExtendedLifetime(decoded) {
        for row in 0..<encoded.rows {
          (values.row(row) + part.columns.lowerBound).update(
            from: decoded.row(row), count: part.columns.count)
        }
      }
    }
    return values
  }
}
