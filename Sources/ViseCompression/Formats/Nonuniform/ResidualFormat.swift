public import ViseTensor

/// A sum of integer terms, each of which stores what the terms before it left: W ≈ Σ_k Q_k.
///
/// Yvinec et al., "REx: Data-Free Residual Quantization Error Expansion" (2023), eq. 2–3. Parts:
/// those of `IntegerFormat` for each term k, their names followed by k from 0; x̂ is the float32
/// sum of the terms' values in their order. Unless the options choose a range, all terms but the last
/// cover their extremes: what a term clips would spread the residual of the next.
public struct ResidualFormat: WeightCodec {
  public let terms: Int
  /// The format of each term.
  public let term: IntegerFormat

  public init(terms: Int, term: IntegerFormat) {
    precondition((2...4).contains(terms))
    self.terms = terms
    self.term = term
  }

  /// `rex2x4`: two terms of four bits, with the options of `int4`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("rex") else { return nil }
    let counts = base.dropFirst(3).split(separator: "x", omittingEmptySubsequences: false)
    guard counts.count == 2, let terms = Int(counts[0]), (2...4).contains(terms),
      let bits = Int(counts[1]), base == "rex\(terms)x\(bits)",
      let term = IntegerFormat(base: "int\(bits)", options: options)
    else { return nil }
    self.init(terms: terms, term: term)
  }

  public var name: String {
    "rex\(terms)x\(term.bits)" + term.name.dropFirst("int\(term.bits)".count)
  }

  public var bitsPerWeight: Double { Double(terms) * term.bitsPerWeight }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    (0..<terms).flatMap { index in
      term.layout(rows: rows, columns: columns).map { part in
        WeightPart(name: "\(part.name)\(index)", type: part.type, shape: part.shape)
      }
    }
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    let residual = weight.copy()
    var parts: [EncodedWeight.Part] = []
    for index in 0..<terms {
      let encoded = try format(ofTerm: index).encode(residual, importance: importance, work: work)
      parts += encoded.parts.map { stored in
        let part = stored.part
        return EncodedWeight.Part(
          WeightPart(name: "\(part.name)\(index)", type: part.type, shape: part.shape),
          bytes: stored.bytes)
      }
      let values = try term.decode(encoded, work: work)
      for place in 0..<residual.count { residual.pointer[place] -= values.pointer[place] }
      withExtendedLifetime((values, residual)) {}
    }
    return EncodedWeight(rows: weight.rows, columns: weight.columns, parts: parts)
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
      for place in 0..<sum.count { sum.pointer[place] += values.pointer[place] }
      withExtendedLifetime((values, sum)) {}
    }
    return sum
  }

  /// One term of a stored weight, as its integer format stores it.
  private func encoded(_ encoded: EncodedWeight, term index: Int) -> EncodedWeight {
    let layout = term.layout(rows: encoded.rows, columns: encoded.columns)
    return EncodedWeight(
      rows: encoded.rows, columns: encoded.columns,
      parts: layout.map {
        EncodedWeight.Part($0, bytes: encoded.bytes("\($0.name)\(index)"))
      })
  }
}
