import ViseTensor

/// Brings a weight to a network of small tensors and stores these in one number format.
///
/// A part that makes the outputs is refitted to the others as stored, in the outputs where inputs are known,
/// and filled under the statistics of what it reads; the rest are filled for the least error of themselves.
struct TensorSiteEncoding {
  let network: any TensorNetwork
  let codec: any WeightCodec
  let method: Method
  let statistics: SiteCalibration?
  let work: RowWork

  /// Of the refit's normal equations, as a share of their mean diagonal.
  private static let damping: Float = 1e-6

  /// The stored parts, in the order of the network.
  func compress(_ weight: Matrix) throws -> [EncodedWeight] {
    var parts = try network.factors(of: weight, statistics: statistics)
    var encoded = try parts.dropLast().map { try encode($0, nil) }
    for (index, part) in encoded.enumerated() {
      parts[index] = try codec.decode(part, work: work)
    }
    guard let inner = network.inner(parts) else {
      return encoded + [try encode(parts[parts.count - 1], nil)]
    }
    try work.cancellation.check()
    let behind = try InnerStatistics(of: inner, statistics)
    encoded.append(
      try encode(behind.leastSquares(weight, damping: Self.damping), behind.calibration))
    return encoded
  }

  private func encode(_ part: Matrix, _ statistics: SiteCalibration?) throws -> EncodedWeight {
    try FormatSolver(
      codec: codec, method: method, statistics: statistics, factors: InputFactorCache(), work: work
    ).encode(part)
  }
}
