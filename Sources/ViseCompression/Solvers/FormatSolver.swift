import ViseTensor

/// Fills a number format with the method a treatment names.
struct FormatSolver {
  let codec: any WeightCodec
  let method: Method
  let statistics: SiteCalibration?
  let factors: InputFactorCache
  let work: RowWork

  /// The stored form of `weight`, whose columns are the inputs `statistics` are over.
  ///
  /// Of a pruned weight, methods that only round store the values pruning left. Those with error
  /// feedback or descent aim at `weight` and take each pruned weight for an error to make up for:
  /// pruning and quantization in one sweep (SparseGPT, arXiv:2301.00774, section 3.4). Pruned weights are
  /// exactly zero in formats that have a zero. Types with minima (q4_1, q5_1, q2_K, q4_K, q5_K),
  /// centred grids and codebooks without a zero (iq1 to iq4, palettes) store their level nearest to
  /// it instead.
  ///
  /// `best` refits the scales of integers and of ggml's blocks to the outputs in the end, row by row
  /// where that helps.
  func encode(_ weight: Matrix, pruned: PrunedWeight? = nil) throws -> EncodedWeight {
    let encoded = try encode(weight, pruned: pruned, by: try resolved())
    guard method == .best, let moment = statistics?.secondMoment else { return encoded }
    if let format = codec as? IntegerFormat {
      return try RowScaleRefit.improving(
        encoded, of: weight, secondMoment: moment, format: format, work: work)
    }
    if let codec = codec as? GGMLCodec {
      try RowScaleRefit.improve(
        encoded, type: codec.type, of: weight, secondMoment: moment, work: work)
    }
    return encoded
  }

  private func encode(
    _ weight: Matrix, pruned: PrunedWeight?, by method: Method
  ) throws -> EncodedWeight {
    let rounded = pruned?.values ?? weight
    switch method {
    case .best, .roundToNearest:
      return try codec.encode(rounded, importance: nil, work: work)
    case .weighted:
      return try codec.encode(rounded, importance: try known().diagonal, work: work)
    case .outputRange:
      guard let format = codec as? IntegerFormat else { throw unsupported() }
      return try OutputRange(format: format, secondMoment: try known().secondMoment)
        .encode(rounded, work: work)
    case .gptq:
      return try feedback(weight, pruned?.mask, passes: 0)
    case .gptqActivationOrder:
      guard let codec = codec as? any GridCodec else { throw unsupported() }
      return try Self.activationOrder(codec, weight, pruned?.mask, try known(), work)
    case .exactOBQ:
      guard let format = codec as? IntegerFormat else { throw unsupported() }
      return try ExactOBQ(format: format, factor: try factors.factor(of: try known()))
        .encode(weight, mask: pruned?.mask, work: work)
    case .descent:
      return try feedback(weight, pruned?.mask, passes: 4)
    case .comq:
      guard let format = codec as? IntegerFormat else { throw unsupported() }
      return try COMQ(format: format, secondMoment: try factors.factor(of: try known()).moment)
        .encode(weight, pruned: pruned, work: work)
    case .rate:
      guard let codec = codec as? any GridCodec else { throw unsupported() }
      return try Self.priced(codec, rounded, statistics?.diagonal, work)
    case .hqq:
      guard let format = codec as? OffsetFormat else { throw unsupported() }
      return try HalfQuadratic(format: format).encode(rounded, work: work)
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

  private func feedback(
    _ weight: Matrix, _ mask: Mask?, passes: Int
  ) throws -> EncodedWeight {
    let factor = try factors.factor(of: try known())
    if let codec = codec as? GGMLCodec {
      let encoded = try BlockGPTQ(type: codec.type, factor: factor)
        .encode(weight, mask: mask, work: work)
      if passes > 0 {
        try BlockDescent(type: codec.type, factor: factor, passes: passes)
          .improve(encoded, of: weight, mask: mask, work: work)
      }
      return encoded
    }
    if let format = codec as? SplitFormat {
      return try SplitGPTQ(format: format, factor: factor).encode(weight, mask: mask, work: work)
    }
    if let format = codec as? BranchFormat {
      return try LowRankBranch(format: format)
        .encode(weight, factor: factor, mask: mask, work: work)
    }
    guard let codec = codec as? any GridCodec else { throw unsupported() }
    return try Self.gptq(codec, weight, mask, factor, work)
  }

  private static func gptq(
    _ codec: some GridCodec, _ weight: Matrix, _ mask: Mask?, _ factor: InputFactor,
    _ work: RowWork
  ) throws -> EncodedWeight {
    try GridGPTQ(codec: codec, factor: factor).encode(weight, mask: mask, work: work)
  }

  private static func activationOrder(
    _ codec: some GridCodec, _ weight: Matrix, _ mask: Mask?, _ statistics: SiteCalibration,
    _ work: RowWork
  ) throws -> EncodedWeight {
    try ActivationOrderGPTQ(codec: codec, secondMoment: statistics.secondMoment)
      .encode(weight, mask: mask, work: work)
  }

  private static func priced(
    _ codec: some GridCodec, _ weight: Matrix, _ importance: [Float]?, _ work: RowWork
  ) throws -> EncodedWeight {
    try RateConstrainedRounding(codec: codec, price: 1)
      .encode(weight, importance: importance, work: work)
  }

  private func unsupported() -> CompressionError {
    .unsuitable("\(method.rawValue) does not fill \(codec.name)")
  }

  private func known() throws(CompressionError) -> SiteCalibration {
    guard let statistics else { throw .needsCalibration(method: method.rawValue) }
    return statistics
  }
}
