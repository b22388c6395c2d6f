import Glibc

/// Companding for Laplace weights: levels at the middles of equal steps of the compander
/// u = ½·(1 + sgn(x)·(1 − exp(−√2·|x|/(3S)))), the integral of the density's cube root.
///
/// Young, "Radio: Rate-Distortion Optimization for Large Language Model Compression" (2025),
/// section 3 (first as CVXQ, 2024). Parts: those of `TableCodec`, with `scales` F16 (the deviations
/// S), with `centred` also `centres` F16, and `table` F32 [2^b].
public struct CompandFormat: TableCodec {
  public let bits: Int
  public let granularity: Granularity
  public let isCentred: Bool

  public init(bits: Int, granularity: Granularity = .group(128), isCentred: Bool = false) {
    precondition((2...8).contains(bits))
    self.bits = bits
    self.granularity = granularity
    self.isCentred = isCentred
  }

  /// `compand4`, with such as `g128`, `channel`, `tensor` and `centred`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("compand"), let bits = Int(base.dropFirst(7)), (2...8).contains(bits),
      base == "compand\(bits)"
    else { return nil }
    var granularity = Granularity.group(128)
    var isCentred = false
    for option in options {
      if option == "centred" {
        isCentred = true
      } else if let found = Granularity(name: option) {
        granularity = found
      } else {
        return nil
      }
    }
    self.init(bits: bits, granularity: granularity, isCentred: isCentred)
  }

  public var name: String {
    "compand\(bits):" + granularity.name + (isCentred ? ":centred" : "")
  }

  public var codeBits: Int { bits }
  public var scaleType: ScaleType { .half }
  public var storesTable: Bool { true }
  public var scaleFactors: [Float] { (0..<20).map { 2.4 - 0.1 * Float($0) } }
  public var table: [Float] { Self.tables[bits] }

  private static let tables: [[Float]] = (0...8).map { bits in
    let count = 1 << bits
    return (0..<count).map { code in
      let u = (Double(code) + 0.5) / Double(count)
      let magnitude = -3 / 2.0.squareRoot() * log(1 - 2 * abs(u - 0.5))
      return Float(u < 0.5 ? -magnitude : magnitude)
    }
  }
}
