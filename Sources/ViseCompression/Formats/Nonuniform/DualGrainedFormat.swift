public import ViseTensor

/// Dual-grained integers: 4-bit codes of a group that decode to int8 by an integer scale and zero
/// point, and to weights by a channel's scale.
///
/// Zhang et al., "Dual Grained Quantization" (DGQ, 2023); progressive group quantization of QServe
/// (2024), whose protective range of ±119 keeps the decoded integers within int8. Parts: `codes` U8
/// [rows, ⌈columns/2⌉]; `group_scales` and `zeros` U8 [rows, spans]; `scales` F16 [rows, 1].
/// x̂ = (group_scale · (code − zero)) · scale, the product in brackets an int8, in float32.
public struct DualGrainedFormat: GridCodec {
  public let group: Int

  public init(group: Int = 128) {
    precondition(group > 0)
    self.group = group
  }

  /// `dgq4`, with such as `g128`.
  init?(base: String, options: [String]) {
    guard base == "dgq4", options.count <= 1 else { return nil }
    guard let option = options.first else {
      self.init()
      return
    }
    guard case .group(let group)? = Granularity(name: option) else { return nil }
    self.init(group: group)
  }

  public var name: String { "dgq4:g\(group)" }
  public var codeBits: Int { 4 }
  public var bitsPerWeight: Double { 4 + 16 / Double(group) }
  public func spanLength(columns: Int) -> Int { group }

  private static let fit = AffineFit(low: 0, high: 15, isSymmetric: false, range: .leastSquares)

  /// The channels' scales: phase one finds each group's best real scale, phase two the channel's
  /// scale whose multiples suit them all best.
  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    defer { withExtendedLifetime(weight) {} }
    return try work.map(rows: weight.rows) { row in
      channelScale(
        UnsafeBufferPointer(start: weight.row(row), count: weight.columns), importance: importance)
    }
  }

  private func channelScale(_ values: UnsafeBufferPointer<Float>, importance: [Float]?) -> Float {
    let extreme = values.reduce(Float(0)) { max($0, abs($1)) }
    let full = Half.nearest(extreme / 119)
    guard full > 0 else { return 0 }
    let spans = stride(from: 0, to: values.count, by: group).map { start in
      start..<min(start + group, values.count)
    }
    let wanted = spans.map { range in
      withSlice(of: importance, range) {
        Self.fit.fit(UnsafeBufferPointer(rebasing: values[range]), importance: $0).scale
      }
    }
    var best = full
    var error = Double.infinity
    for step in 0..<12 {
      let scale = Half.nearest(full * (1 - 0.04 * Float(step)))
      var found = 0.0
      for (range, real) in zip(spans, wanted) {
        found += withSlice(of: importance, range) {
          choose(
            UnsafeBufferPointer(rebasing: values[range]), importance: $0, channel: scale,
            real: real, reach: 0
          ).error
        }
      }
      if found < error { (best, error) = (scale, found) }
    }
    return best
  }

  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
  ) -> SIMD4<Float> {
    let channel = shared[row]
    guard channel > 0 else { return SIMD4(0, 1, 0, 0) }
    let real = Self.fit.fit(values, importance: importance).scale
    let chosen = choose(values, importance: importance, channel: channel, real: real, reach: 1)
    return SIMD4(channel, chosen.scale, chosen.zero, 0)
  }

  /// The integer scale within `reach` of `real`, and the zero point, of least error, among those
  /// whose integers stay within int8.
  private func choose(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    channel: Float, real: Float, reach: Int
  ) -> (scale: Float, zero: Float, error: Double) {
    let smallest = min(0, values.min() ?? 0)
    let largest = max(0, values.max() ?? 0)
    let middle = min(max(Int((real / channel).rounded()), 1), 16)
    var best = (scale: Float(1), zero: Float(8), error: Double.infinity)
    for scale in max(middle - reach, 1)...min(middle + reach, 16) {
      let step = Float(scale) * channel
      // The zero point that covers the range, or clips both of its ends alike.
      let centred = (7.5 - (smallest + largest) / (2 * step)).rounded()
      for offset in -1...1 {
        let zero = min(max(centred + Float(offset), 0), 15)
        guard Float(scale) * max(zero, 15 - zero) <= 127 else { continue }
        let error = GridKernels.affineError(
          values, importance: importance, scale: step, zero: zero, codes: 0...15)
        if error < best.error { best = (Float(scale), zero, error) }
      }
    }
    return best
  }

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    for code in 0..<16 {
      levels[code] = parameters[1] * (Float(code) - parameters[2]) * parameters[0]
    }
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    [
      WeightPart(name: "group_scales", type: .uint8, shape: [rows, spans]),
      WeightPart(name: "zeros", type: .uint8, shape: [rows, spans]),
      WeightPart(name: "scales", type: .float16, shape: [rows, 1]),
    ]
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    encoded.write(byte: "group_scales") { UInt8(parameters[$0][1]) }
    encoded.write(byte: "zeros") { UInt8(parameters[$0][2]) }
    encoded.write(half: "scales") { shared[$0] }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let channels = encoded.halves("scales")
    let scales = encoded.bytes("group_scales").bytes
    let zeros = encoded.bytes("zeros").bytes
    let parameters = (0..<encoded.rows * spans).map { index in
      SIMD4(channels[index / spans], Float(scales[index]), Float(zeros[index]), 0)
    }
    return withExtendedLifetime(encoded) { (parameters, channels) }
  }
}
