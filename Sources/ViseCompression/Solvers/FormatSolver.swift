import ViseTensor

/// Fills a number format with the method a treatment names.
struct FormatSolver {
  let codec: any WeightCodec
  let method: Method
  let statistics: SiteCalibration?
  let factors: InputFactorCache
  let work: RowWork

  /// The stored form of `weight`, whose columns are the inputs `statistics` are over.
  func encode(_ weight: Matrix) throws -> EncodedWeight {
    switch try resolved() {
    case .best, .roundToNearest:
      return try codec.encode(weight, importance: nil, work: work)
    case .weighted:
      return try codec.encode(weight, importance: try known().diagonal, work: work)
    case .gptq:
      return try feedback(weight, passes: 0)
    case .gptqActivationOrder:
      guard let codec = codec as? any GridCodec else { throw unsupported() }
      return try Self.activationOrder(codec, weight, try known(), work)
    case .descent:
      return try feedback(weight, passes: 4)
    case .comq:
      guard let format = codec as? IntegerFormat else { throw unsupported() }
      return try COMQ(format: format, secondMoment: try factors.factor(of: try known()).moment)
        .encode(weight, work: work)
    case .hqq:
      guard let format = codec as? OffsetFormat else { throw unsupported() }
      return try HalfQuadratic(format: format).encode(weight, work: work)
    }
  }

  /// The method that fills the format; `best` goes as far as format and statistics allow.
  private func resolved() throws(CompressionError) -> Method {
    guard codec.methods.contains(method) else { throw unsupported() }
    if method != .best { return method }
    guard statistics != nil else { return .roundToNearest }
    let preferred: [Method] = [.descent, .gptq, .weighted]
    return preferred.first { codec.methods.contains($0) } ?? .roundToNearest
  }

  private func feedback(_ weight: Matrix, passes: Int) throws -> EncodedWeight {
    let factor = try factors.factor(of: try known())
    if let codec = codec as? GGMLCodec {
      let encoded = try BlockGPTQ(type: codec.type, factor: factor).encode(weight, work: work)
      if passes > 0 {
        try BlockDescent(type: codec.type, factor: factor, passes: passes)
          .improve(encoded, of: weight, work: work)
      }
      return encoded
    }
    guard let codec = codec as? any GridCodec else { throw unsupported() }
    return try Self.gptq(codec, weight, factor, work)
  }

  private static func gptq(
    _ codec: some GridCodec, _ weight: Matrix, _ factor: InputFactor, _ work: RowWork
  ) throws -> EncodedWeight {
    try GridGPTQ(codec: codec, factor: factor).encode(weight, work: work)
  }

  private static func activationOrder(
    _ codec: some GridCodec, _ weight: Matrix, _ statistics: SiteCalibration, _ work: RowWork
  ) throws -> EncodedWeight {
    try ActivationOrderGPTQ(codec: codec, secondMoment: statistics.secondMoment)
      .encode(weight, work: work)
  }

  private func unsupported() -> CompressionError {
    .unsuitable("\(method.rawValue) does not fill \(codec.name)")
  }

  private func known() throws(CompressionError) -> SiteCalibration {
    guard let statistics else { throw .needsCalibration(method: method.rawValue) }
    return statistics
  }
}
