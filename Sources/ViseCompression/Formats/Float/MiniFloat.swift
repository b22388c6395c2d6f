/// A float of 4 to 8 bits without infinities: sign, exponent, mantissa, most significant first.
///
/// OCP 8-bit Floating Point (2023) and OCP Microscaling Formats (2023): e4m3 has NaN at the largest
/// magnitude only, e5m2 follows IEEE 754, the smaller ones have neither infinity nor NaN.
public enum MiniFloat: String, CaseIterable, Hashable, Sendable {
  case e2m1
  case e2m3
  case e3m2
  case e4m3
  case e5m2

  public var exponentBits: Int {
    switch self {
    case .e2m1, .e2m3: 2
    case .e3m2: 3
    case .e4m3: 4
    case .e5m2: 5
    }
  }

  public var mantissaBits: Int {
    switch self {
    case .e2m1: 1
    case .e3m2, .e5m2: 2
    case .e2m3, .e4m3: 3
    }
  }

  public var bits: Int { 1 + exponentBits + mantissaBits }

  /// The bits, without sign, of the largest finite magnitude.
  public var largestPattern: Int {
    switch self {
    case .e2m1: 0x07
    case .e2m3, .e3m2: 0x1F
    case .e4m3: 0x7E
    case .e5m2: 0x7B
    }
  }

  /// The value of `pattern`, whose sign bit is clear.
  public func magnitude(_ pattern: Int) -> Float {
    let bias = (1 << (exponentBits - 1)) - 1
    let exponent = pattern >> mantissaBits
    let fraction = pattern & ((1 << mantissaBits) - 1)
    let significand = exponent == 0 ? fraction : fraction + (1 << mantissaBits)
    return Float(
      sign: .plus, exponent: max(exponent, 1) - bias - mantissaBits,
      significand: Float(significand))
  }

  public var largest: Float { magnitude(largestPattern) }

  /// All finite values, ascending, zero once.
  var values: [Float] { Self.tables[self]?.values ?? [] }

  /// Their bits, zero's without sign.
  var patterns: [UInt8] { Self.tables[self]?.patterns ?? [] }

  private static let tables: [MiniFloat: (values: [Float], patterns: [UInt8])] =
    Dictionary(uniqueKeysWithValues: allCases.map { ($0, $0.makeTable()) })

  private func makeTable() -> (values: [Float], patterns: [UInt8]) {
    let sign = 1 << (bits - 1)
    let signed = (1...largestPattern).reversed().map { (-magnitude($0), UInt8($0 | sign)) }
    let plain = (0...largestPattern).map { (magnitude($0), UInt8($0)) }
    return ((signed + plain).map(\.0), (signed + plain).map(\.1))
  }
}
