public import ViseTensor

extension IntegerFormat: GridCodec {
  public var name: String {
    var name = "int\(bits)"
    switch granularity {
    case .tensor: name += ":tensor"
    case .channel: name += ":channel"
    case .group(let group): name += ":g\(group)"
    }
    return isSymmetric ? name : name + ":asym"
  }

  public var codeBits: Int { bits }

  public var bitsPerWeight: Double {
    guard case .group(let group) = granularity else { return Double(bits) }
    return Double(bits) + (isSymmetric ? 16 : 24) / Double(group)
  }

  public func spanLength(columns: Int) -> Int {
    if case .group(let group) = granularity { group } else { max(columns, 1) }
  }

  /// A tensor's scale and zero point, fitted to its extremes; empty for finer granularities.
  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    guard granularity == .tensor else { return [] }
    let all = UnsafeBufferPointer(start: weight.pointer, count: weight.count)
    let fitted = withExtendedLifetime(weight) { spanFit(all, importance: nil) }
    return [fitted[0], fitted[1]]
  }

  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float]
  ) -> SIMD4<Float> {
    if granularity == .tensor { return SIMD4(shared[0], shared[1], 0, 0) }
    return spanFit(values, importance: importance)
  }

  /// Scale and zero point of least squared error among shrunken min-max ranges.
  private func spanFit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?
  ) -> SIMD4<Float> {
    let smallest = min(0, values.min() ?? 0)
    let largest = max(0, values.max() ?? 0)
    var best = candidate(smallest, largest)
    guard best[0] > 0 else { return best }
    var error = squaredError(values, importance, best)
    for step in 1..<20 {
      let shrink = 1 - 0.035 * Float(step)
      let next = candidate(smallest * shrink, largest * shrink)
      let found = squaredError(values, importance, next)
      if found < error { (best, error) = (next, found) }
    }
    return best
  }

  private func candidate(_ smallest: Float, _ largest: Float) -> SIMD4<Float> {
    if isSymmetric {
      let scale = Self.half(max(largest / Float(high), -smallest / Float(-low)))
      return SIMD4(scale, 0, 0, 0)
    }
    let scale = Self.half((largest - smallest) / Float(high))
    guard scale > 0 else { return SIMD4(0, 0, 0, 0) }
    let zero = min(max((-smallest / scale).rounded(), 0), Float(high))
    return SIMD4(scale, zero, 0, 0)
  }

  private func squaredError(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ p: SIMD4<Float>
  ) -> Float {
    let inverse = p[0] > 0 ? 1 / p[0] : 0
    var error: Float = 0
    for (index, value) in values.enumerated() {
      let code = min(max((value * inverse + p[1]).rounded(), Float(low)), Float(high))
      let off = value - (code - p[1]) * p[0]
      error += off * off * (importance?[index] ?? 1)
    }
    return error
  }

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    for code in 0..<levelCount {
      levels[code] = Self.half((Float(code + low) - parameters[1]) * parameters[0])
    }
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    let shape = granularity == .tensor ? [1, 1] : [rows, spans]
    let scales = WeightPart(name: "scales", type: .float16, shape: shape)
    return isSymmetric ? [scales] : [scales, WeightPart(name: "zeros", type: .uint8, shape: shape)]
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    let scales = encoded.bytes("scales").storage.bindMemory(to: Float16.self)
    let count = encoded.bytes("scales").count / 2
    for index in 0..<count { scales[index] = Float16(parameters[index][0]) }
    guard !isSymmetric else { return }
    let zeros = encoded.bytes("zeros")
    for index in 0..<count { zeros.storage[index] = UInt8(parameters[index][1]) }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let scales = encoded.bytes("scales").storage.bindMemory(to: Float16.self)
    let zeros = isSymmetric ? nil : encoded.bytes("zeros")
    let parameters = (0..<encoded.rows * spans).map { index in
      let place = granularity == .tensor ? 0 : index
      return SIMD4(Float(scales[place]), Float(zeros?.storage[place] ?? 0), 0, 0)
    }
    return (parameters, [])
  }

  /// `value` as a half float holds it, clamped to its range.
  private static func half(_ value: Float) -> Float {
    Float(Float16(min(max(value, -65_504), 65_504)))
  }
}
