public import ViseTensor

/// A sum of integer terms, each of which stores what the terms before it left: W ≈ Σ_k Q_k.
///
/// Yvinec et al., "REx: Data-Free Residual Quantization Error Expansion" (2023), eq. 2–3, and its
/// sparse expansion, in which all terms but the first hold only the outputs with the largest
/// residuals. Parts: those of `IntegerFormat` for each term k, their names followed by k from 0; of a
/// sparse term k they have the rows that `rows` followed by k names, I32, ascending. x̂ is the float32
/// sum of the terms' values in their order. Unless the options choose a range, all terms but the
/// last cover their extremes: what a term clips would spread the residual of the next.
public struct ResidualFormat: WeightCodec {
  public let terms: Int
  /// The format of each term.
  public let term: IntegerFormat
  /// Percent of the rows that the terms after the first hold; `nil` for all.
  public let rowShare: Int?

  public init(terms: Int, term: IntegerFormat, rowShare: Int? = nil) {
    precondition((2...4).contains(terms) && (1..<100).contains(rowShare ?? 1))
    self.terms = terms
    self.term = term
    self.rowShare = rowShare
  }

  /// `rex2x4`: two terms of four bits, with the options of `int4`, and such as `s25` for a quarter
  /// of the rows.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("rex") else { return nil }
    let counts = base.dropFirst(3).split(separator: "x", omittingEmptySubsequences: false)
    let shares = options.compactMap(Self.share)
    guard counts.count == 2, let terms = Int(counts[0]), (2...4).contains(terms),
      let bits = Int(counts[1]), base == "rex\(terms)x\(bits)", shares.count <= 1,
      let term = IntegerFormat(
        base: "int\(bits)", options: options.filter { Self.share($0) == nil })
    else { return nil }
    self.init(terms: terms, term: term, rowShare: shares.first)
  }

  private static func share(_ option: String) -> Int? {
    guard option.hasPrefix("s"), let share = Int(option.dropFirst()), (1..<100).contains(share),
      option == "s\(share)"
    else { return nil }
    return share
  }

  public var name: String {
    "rex\(terms)x\(term.bits)" + term.name.dropFirst("int\(term.bits)".count)
      + (rowShare.map { ":s\($0)" } ?? "")
  }

  public var bitsPerWeight: Double {
    (1 + Double(terms - 1) * Double(rowShare ?? 100) / 100) * term.bitsPerWeight
  }

  /// The rows that term `index` of a weight of `rows` holds.
  func rowCount(ofTerm index: Int, rows: Int) -> Int {
    guard index > 0, let rowShare else { return rows }
    return (rows * rowShare + 99) / 100
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    (0..<terms).flatMap { index in
      let count = rowCount(ofTerm: index, rows: rows)
      let parts = term.layout(rows: count, columns: columns).map { part in
        WeightPart(name: "\(part.name)\(index)", type: part.type, shape: part.shape)
      }
      guard index > 0, rowShare != nil else { return parts }
      return parts + [WeightPart(name: "rows\(index)", type: .int32, shape: [count])]
    }
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let residual = weight.copy()
    let result = EncodedWeight(rows: weight.rows, columns: weight.columns, codec: self)
    for index in 0..<terms {
      let rows = rowShare == nil || index == 0 ? nil : largestRows(of: residual, importance, index)
      let encoded = try format(ofTerm: index).encode(
        rows.map { residual.rows(at: $0) } ?? residual, importance: importance, work: work)
      for part in encoded.parts {
        result.bytes("\(part.part.name)\(index)").storage.copyMemory(from: part.bytes.bytes)
      }
      if let rows {
        let target = result.bytes("rows\(index)").storage.bindMemory(to: Int32.self)
        for (place, row) in rows.enumerated() { target[place] = Int32(row) }
      }
      Self.add(try term.decode(encoded, work: work), to: residual, rows: rows, sign: -1)
    }
    return result
  }

  /// The rows of most energy, weighed by `importance`, in ascending order.
  private func largestRows(
    of residual: Matrix, _ importance: [Float]?, _ index: Int
  ) -> [Int] {
    let energies = withExtendedLifetime(residual) {
      (0..<residual.rows).map { row in
        (0..<residual.columns).reduce(0.0) { sum, column in
          let error = Double(residual.row(row)[column])
          return sum + error * error * Double(importance?[column] ?? 1)
        }
      }
    }
    let order = energies.indices.sorted { (energies[$1], $0) < (energies[$0], $1) }
    return order.prefix(rowCount(ofTerm: index, rows: residual.rows)).sorted()
  }

  /// Adds `sign` times the values to the rows of `sum` they belong to.
  private static func add(_ values: Matrix, to sum: Matrix, rows: [Int]?, sign: Float) {
    withExtendedLifetime((values, sum)) {
      for place in 0..<values.rows {
        let (from, to) = (values.row(place), sum.row(rows?[place] ?? place))
        for column in 0..<values.columns { to[column] += sign * from[column] }
      }
    }
  }

  /// The format that chooses a term's values; all read alike.
  private func format(ofTerm index: Int) -> IntegerFormat {
    guard index < terms - 1, term.range == .leastError else { return term }
    return IntegerFormat(
      bits: term.bits, granularity: term.granularity, isSymmetric: term.isSymmetric,
      range: .extremes)
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let sum = try term.decode(self.encoded(encoded, term: 0), work: work)
    for index in 1..<terms {
      let values = try term.decode(self.encoded(encoded, term: index), work: work)
      Self.add(values, to: sum, rows: try rows(of: encoded, term: index), sign: 1)
    }
    return sum
  }

  /// The rows a sparse term holds; `nil` for all.
  private func rows(of encoded: EncodedWeight, term index: Int) throws -> [Int]? {
    guard index > 0, rowShare != nil else { return nil }
    let bytes = encoded.bytes("rows\(index)")
    let rows = (0..<bytes.count / 4).map {
      Int(bytes.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
    }
    guard rows.allSatisfy((0..<encoded.rows).contains) else {
      throw CompressionError.unsuitable("a row of term \(index) of \(name) is none of the weight's")
    }
    return rows
  }

  /// One term of a stored weight, as its integer format stores it.
  private func encoded(_ encoded: EncodedWeight, term index: Int) -> EncodedWeight {
    let rows = rowCount(ofTerm: index, rows: encoded.rows)
    let layout = term.layout(rows: rows, columns: encoded.columns)
    return EncodedWeight(
      rows: rows, columns: encoded.columns,
      parts: layout.map {
        EncodedWeight.Part($0, bytes: encoded.bytes("\($0.name)\(index)"))
      })
  }
}
