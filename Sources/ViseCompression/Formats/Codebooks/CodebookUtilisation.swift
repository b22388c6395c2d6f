import ViseTensor

/// How stored weights use their codebooks: the figures that tell a collapsed codebook (SimVQ, Zhu
/// et al., arXiv:2411.02038, section 4).
public struct CodebookUtilisation: Hashable, Sendable {
  /// The share of codes that occur.
  public let usedShare: Double
  /// exp(−Σ p ln p) of the codes' frequencies: as many equally frequent ones say as much.
  public let perplexity: Double

  public init(usedShare: Double, perplexity: Double) {
    self.usedShare = usedShare
    self.perplexity = perplexity
  }

  init(counts: [Double]) {
    usedShare = Double(counts.count { $0 > 0 }) / Double(counts.count)
    perplexity = LinearAlgebra.effectiveRank(counts.map { Float($0) })
  }
}

extension VectorFormat {
  public func utilisation(of encoded: EncodedWeight) -> CodebookUtilisation {
    CodebookUtilisation(counts: counts(of: encoded))
  }

  /// How often each code occurs.
  fileprivate func counts(of encoded: EncodedWeight) -> [Double] {
    var counts = [Double](repeating: 0, count: 1 << bits)
    var codes = [UInt8](repeating: 0, count: encoded.columns / dimension)
    for row in 0..<encoded.rows {
      BitPacking.unpack(encoded.bytes("codes"), row: row, bits: bits, into: &codes)
      for code in codes { counts[Int(code)] += 1 }
    }
    return counts
  }
}

extension CompressedSite {
  /// How it uses its codebooks, all parts together; `nil` for formats without vector codebooks.
  public var codebookUtilisation: CodebookUtilisation? {
    guard case .vector(let vector) = format, !storage.weights.isEmpty else { return nil }
    return CodebookUtilisation(counts: storage.weights.flatMap { vector.counts(of: $0) })
  }
}
