public import ViseTensor

extension IntegerFormat: GridCodec {
  public var name: String {
    var words = ["int\(bits)", granularity.name]
    if !isSymmetric { words.append("asym") }
    if let option = range.option { words.append(option) }
    if let accumulator { words.append("acc\(accumulator)") }
    return words.joined(separator: ":")
  }

  public var methods: Set<Method> {
    if accumulator != nil { return [.best, .roundToNearest, .weighted] }
    let methods = gridMethods.union([.outputRange, .exactOBQ])
    return isSymmetric && granularity != .tensor ? methods.union([.comq]) : methods
  }

  public var codeBits: Int { bits }

  public var bitsPerWeight: Double {
    Double(bits) + granularity.bitsPerWeight(isSymmetric ? 16 : 24)
  }

  public func spanLength(columns: Int) -> Int { granularity.spanLength(columns: columns) }

  var affineFit: AffineFit {
    AffineFit(low: Float(low), high: Float(high), isSymmetric: isSymmetric, range: range)
  }

  public func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    guard let accumulator else {
      return try encodeRounding(weight, importance: importance, work: work)
    }
    return try AccumulatorProjection(format: self, accumulatorBits: accumulator)
      .encode(weight, importance: importance, work: work)
  }

  /// A tensor's scale and zero point; empty for finer granularities.
  public func sharedParameters(
    for weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> [Float] {
    guard granularity == .tensor else { return [] }
    let fitted = weight.withAllValues(importance: importance) { affineFit.fit($0, importance: $1) }
    return [fitted.scale, fitted.zero]
  }

  public func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    shared: [Float], row: Int
  ) -> SIMD4<Float> {
    if granularity == .tensor { return SIMD4(shared[0], shared[1], 0, 0) }
    let fitted = affineFit.fit(values, importance: importance)
    return SIMD4(fitted.scale, fitted.zero, 0, 0)
  }

  public func levels(
    _ parameters: SIMD4<Float>, shared: [Float], into levels: UnsafeMutablePointer<Float>
  ) {
    GridKernels.affineLevels(
      scale: parameters[0], zero: parameters[1], low: Float(low), count: levelCount, into: levels)
  }

  public func parameterParts(rows: Int, spans: Int) -> [WeightPart] {
    let shape = granularity.parameterShape(rows: rows, spans: spans)
    let scales = WeightPart(name: "scales", type: .float16, shape: shape)
    return isSymmetric ? [scales] : [scales, WeightPart(name: "zeros", type: .uint8, shape: shape)]
  }

  public func store(
    _ parameters: [SIMD4<Float>], shared: [Float], into encoded: EncodedWeight
  ) {
    encoded.write(half: "scales") { parameters[$0][0] }
    if !isSymmetric { encoded.write(byte: "zeros") { UInt8(parameters[$0][1]) } }
  }

  public func load(
    _ encoded: EncodedWeight, spans: Int
  ) -> (parameters: [SIMD4<Float>], shared: [Float]) {
    let scales = encoded.halves("scales")
    let zeros = isSymmetric ? nil : encoded.bytes("zeros")
    let parameters = (0..<encoded.rows * spans).map { index in
      let place = granularity == .tensor ? 0 : index
      return SIMD4(scales[place], Float(zeros?.storage[place] ?? 0), 0, 0)
    }
    return (parameters, granularity == .tensor ? [scales[0], Float(zeros?.storage[0] ?? 0)] : [])
  }
}
