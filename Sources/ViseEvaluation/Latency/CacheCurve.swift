/// Which share of the weights comes from memory rather than a cache, by how many bytes are gone
/// through in turn.
struct CacheCurve: Hashable, Sendable {
  /// Bytes the share is known at; between them it is interpolated.
  static let footprints = [2, 6, 12, 24, 40, 64].map { $0 << 20 }

  /// By footprint; rises from 0 to 1.
  let shares: [Double]

  /// - Parameter seconds: of one product, by footprint.
  init(seconds: [Double]) {
    precondition(seconds.count == Self.footprints.count)
    let span = seconds[seconds.count - 1] - seconds[0]
    var highest = 0.0
    shares = seconds.map { second in
      highest = max(highest, span > 0 ? min(max((second - seconds[0]) / span, 0), 1) : 0)
      return highest
    }
  }

  /// - Parameter shares: as another curve has them.
  init?(shares: [Double]) {
    guard shares.count == Self.footprints.count, shares.allSatisfy({ (0...1).contains($0) })
    else { return nil }
    self.shares = shares
  }

  func share(byteCount: Int) -> Double {
    guard let above = Self.footprints.firstIndex(where: { $0 >= byteCount }) else {
      return shares[shares.count - 1]
    }
    guard above > 0 else { return shares[0] }
    let (low, high) = (Self.footprints[above - 1], Self.footprints[above])
    let part = Double(byteCount - low) / Double(high - low)
    return shares[above - 1] + part * (shares[above] - shares[above - 1])
  }
}
