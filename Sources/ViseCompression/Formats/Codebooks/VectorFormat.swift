public import ViseTensor

/// Vector codebooks: runs of d weights of a row are one of 2^b vectors, times a scale for each row
/// or group.
///
/// Product quantization (Jégou et al., 2011) with one codebook for all runs. Parts: `codes` U8
/// [rows, ⌈columns/d·b/8⌉], b bits a run; `codebook` F16 [2^b, d]; `scales` F16 [rows, spans].
/// x̂[i·d + j] = codebook[code i][j] · scale, in float32.
public struct VectorFormat: WeightCodec {
  /// Bits of a code.
  public let bits: Int
  public let dimension: Int
  /// What shares a scale; a group is a multiple of the dimension.
  public let granularity: Granularity

  public init(bits: Int, dimension: Int, granularity: Granularity = .channel) {
    precondition((1...8).contains(bits) && (2...16).contains(dimension))
    self.bits = bits
    self.dimension = dimension
    self.granularity = granularity
  }

  /// `vq8d4`: eight bits for four weights, with `channel`, `tensor` or such as `g64`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("vq"), options.count <= 1 else { return nil }
    let numbers = base.dropFirst(2).split(separator: "d", omittingEmptySubsequences: false)
    guard numbers.count == 2, let bits = Int(numbers[0]), let dimension = Int(numbers[1]),
      (1...8).contains(bits), (2...16).contains(dimension), base == "vq\(bits)d\(dimension)"
    else { return nil }
    var granularity = Granularity.channel
    if let option = options.first {
      guard let found = Granularity(name: option) else { return nil }
      granularity = found
    }
    if case .group(let length) = granularity, length % dimension != 0 { return nil }
    self.init(bits: bits, dimension: dimension, granularity: granularity)
  }

  public var name: String { "vq\(bits)d\(dimension):" + granularity.name }

  public var bitsPerWeight: Double {
    Double(bits) / Double(dimension) + granularity.bitsPerWeight(16)
  }

  public func misfit(columns: Int) -> String? {
    columns % dimension == 0
      ? nil : "\(name) needs rows divisible by \(dimension), this site's are \(columns)"
  }

  private func spanCount(_ columns: Int) -> Int {
    let length = granularity.spanLength(columns: columns)
    return (columns + length - 1) / length
  }

  public func layout(rows: Int, columns: Int) -> [WeightPart] {
    let codeBytes = BitPacking.rowBytes(columns: columns / dimension, bits: bits)
    return [
      WeightPart(name: "codes", type: .uint8, shape: [rows, codeBytes]),
      WeightPart(name: "codebook", type: .float16, shape: [1 << bits, dimension]),
      WeightPart(
        name: "scales", type: .float16,
        shape: granularity.parameterShape(rows: rows, spans: spanCount(columns))),
    ]
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    try BLAS.load()
    let encoder = VectorEncoder(
      format: self, weight: weight, importance: importance, work: work)
    return try encoder.encode()
  }

  public func decode(_ encoded: EncodedWeight, work: RowWork) throws -> Matrix {
    let values = Matrix(rows: encoded.rows, columns: encoded.columns)
    let book = encoded.halves("codebook")
    let scales = encoded.halves("scales")
    let length = granularity.spanLength(columns: encoded.columns)
    let spans = spanCount(encoded.columns)
    let packed = encoded.bytes("codes")
    try work.forEachChunk(rows: encoded.rows, columns: encoded.columns) { rows in
      var codes = [UInt8](repeating: 0, count: encoded.columns / dimension)
      for row in rows {
        BitPacking.unpack(packed, row: row, bits: bits, into: &codes)
        let y = values.row(row)
        for (run, code) in codes.enumerated() {
          let column = run * dimension
          let scale = scales[granularity == .tensor ? 0 : row * spans + column / length]
          for index in 0..<dimension {
            y[column + index] = book[Int(code) * dimension + index] * scale
          }
        }
      }
    }
    return values
  }
}
