import ViseTensor

/// What entropy coding makes of a stored weight: its codes as a real stream, its other parts plain.
public struct CodedSize: Hashable, Sendable {
  public let codeCount: Int
  /// Bytes of the codes as they are stored without coding.
  public let plainCodeBytes: Int
  /// Bytes of the coded stream, its header included.
  public let codedCodeBytes: Int
  /// −Σ p·log₂ p of the codes' frequencies, in bits a code.
  public let entropy: Double
  /// Bytes of all other parts.
  public let otherBytes: Int

  public init(
    codeCount: Int, plainCodeBytes: Int, codedCodeBytes: Int, entropy: Double, otherBytes: Int
  ) {
    self.codeCount = codeCount
    self.plainCodeBytes = plainCodeBytes
    self.codedCodeBytes = codedCodeBytes
    self.entropy = entropy
    self.otherBytes = otherBytes
  }

  public var plainByteCount: Int { plainCodeBytes + otherBytes }
  public var codedByteCount: Int { codedCodeBytes + otherBytes }

  /// Of two weights together, each with a stream of its own.
  public static func + (a: CodedSize, b: CodedSize) -> CodedSize {
    let codes = Double(max(a.codeCount + b.codeCount, 1))
    return CodedSize(
      codeCount: a.codeCount + b.codeCount, plainCodeBytes: a.plainCodeBytes + b.plainCodeBytes,
      codedCodeBytes: a.codedCodeBytes + b.codedCodeBytes,
      entropy: (a.entropy * Double(a.codeCount) + b.entropy * Double(b.codeCount)) / codes,
      otherBytes: a.otherBytes + b.otherBytes)
  }
}

extension CompressedSite {
  /// The site's size with its codes coded, found by coding them; `nil` where its format has no
  /// codes apart from its other parts.
  public var codedSize: CodedSize? {
    guard let codec = format.codec as? any GridCodec else { return nil }
    let sizes = storage.weights.map { codec.codedSize(of: $0) }
    return sizes.dropFirst().reduce(sizes.first) { sum, size in sum.map { $0 + size } }
  }
}

extension GridCodec {
  /// The stream that holds the codes of `encoded`, row by row.
  public func codedCodes(of encoded: EncodedWeight) -> [UInt8] {
    stream(of: allPatterns(of: encoded))
  }

  private func stream(of patterns: [UInt8]) -> [UInt8] {
    patterns.withUnsafeBufferPointer { RangeANS.encode($0, alphabet: 1 << codeBits) }
  }

  /// The size of `encoded` with its codes coded, found by coding them.
  public func codedSize(of encoded: EncodedWeight) -> CodedSize {
    var counts = [Int](repeating: 0, count: 256)
    let patterns = allPatterns(of: encoded)
    for pattern in patterns { counts[Int(pattern)] += 1 }
    let plain = encoded.bytes("codes").count
    return CodedSize(
      codeCount: patterns.count, plainCodeBytes: plain, codedCodeBytes: stream(of: patterns).count,
      entropy: SymbolFrequencies.entropy(counts: counts), otherBytes: encoded.byteCount - plain)
  }

  /// `encoded` with the codes of a stream that `codedCodes` wrote.
  public func replacingCodes(
    of encoded: EncodedWeight, by stream: UnsafeRawBufferPointer
  ) throws(RangeANS.Fault) -> EncodedWeight {
    let patterns = try RangeANS.decode(stream, count: encoded.rows * encoded.columns)
    let bytes = ByteBuffer(count: patterns.count)
    bytes.storage.copyBytes(from: patterns)
    let result = EncodedWeight(rows: encoded.rows, columns: encoded.columns, codec: self)
    for part in encoded.parts where part.part.name != "codes" {
      result.bytes(part.part.name).storage.copyMemory(from: part.bytes.bytes)
    }
    BitPacking.pack(
      bytes, rows: 0..<encoded.rows, columns: encoded.columns, bits: codeBits,
      into: result.bytes("codes"))
    return result
  }

  private func allPatterns(of encoded: EncodedWeight) -> [UInt8] {
    var row = [UInt8](repeating: 0, count: encoded.columns)
    var all: [UInt8] = []
    all.reserveCapacity(encoded.rows * encoded.columns)
    for index in 0..<encoded.rows {
      BitPacking.unpack(encoded.bytes("codes"), row: index, bits: codeBits, into: &row)
      all += row
    }
    return all
  }
}
