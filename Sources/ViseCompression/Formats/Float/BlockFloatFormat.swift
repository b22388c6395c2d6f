public import ViseTensor

/// NVFP4: e2m1 floats with an e4m3 scale for each 16 weights and a float32 scale for the tensor.
///
/// Parts: `codes` U8 [rows, ⌈columns/2⌉], the floats' bits, first of a pair in the low nibble;
/// `scales` F8_E4M3 [rows, spans]; `tensor_scale` F32 [1]. x̂ = e2m1 · (scale · tensor_scale), in
/// float32. The tensor scale is max|w| / (6 · 448), so that every block's scale is in range.
public struct BlockFloatFormat: GridCodec {
  public init() {}

  /// `nvfp4`, without options.
  init?(base: String, options: [String]) {
    guard base == "nvfp4", options.isEmpty else { return nil }
  }

  public var name: String { "nvfp4" }
  public var codeBits: Int { 4 }
  public var levelCount: Int { MiniFloat.e2m1.values.count }
  public var storedCodes: [UInt8] { MiniFloat.e2m1.patterns }
  public var bitsPerWeight: Double { 4.5 }

  public func spanLength(columns: Int) -> Int { 16 }

  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    let all = UnsafeBufferPointer(start: weight.pointer, count: weight.count)
    let extreme = withExtendedLifetime(weight) { all.reduce(Float(0)) { max($0, abs($1)) } }
    return [extreme / (MiniFloat.e2m1.largest * MiniFloat.e4m3.largest)]
  }

  /// The e4m3 scale of least error near the one that reaches the block's largest magnitude.
  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
  ) -> SIMD4<Float> {
    let extreme = values.reduce(Float(0)) { max($0, abs($1)) }
    guard extreme > 0, shared[0] > 0 else { return SIMD4(0, shared[0], 0, 0) }
    let wanted = extreme / (MiniFloat.e2m1.largest * shared[0])
    let nearest = Self.scales.firstIndex { $0 >= wanted } ?? Self.scales.count - 1
    let range = max(nearest - 7, 1)...min(nearest + 2, Self.scales.count - 1)
    let candidates = range.map { Self.scales[$0] * shared[0] }
    let best = GridKernels.bestScale(
      values, importance: importance, table: MiniFloat.e2m1.values, scales: candidates)
    let chosen = candidates.firstIndex(of: best.scale) ?? 0
    return SIMD4(Self.scales[range.lowerBound + chosen], shared[0], 0, 0)
  }

  /// The magnitudes of e4m3, by their bits.
  private static let scales = (0...MiniFloat.e4m3.largestPattern).map(MiniFloat.e4m3.magnitude)

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    let scale = parameters[0] * parameters[1]
    for (code, value) in MiniFloat.e2m1.values.enumerated() { levels[code] = value * scale }
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    [
      WeightPart(name: "scales", type: .float8E4M3, shape: [rows, spans]),
      WeightPart(name: "tensor_scale", type: .float32, shape: [1]),
    ]
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    encoded.write(byte: "scales") { index in
      UInt8(Self.scales.firstIndex(of: parameters[index][0]) ?? 0)
    }
    encoded.write(float: "tensor_scale") { _ in shared[0] }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let tensor = encoded.floats("tensor_scale")[0]
    let parameters = encoded.bytes("scales").bytes.map { pattern in
      SIMD4(Self.scales[min(Int(pattern & 0x7F), Self.scales.count - 1)], tensor, 0, 0)
    }
    return (parameters, [tensor])
  }
}
