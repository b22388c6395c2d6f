/// Uniform integers about a real offset: x̂ = s·(q − (2^b − 1)/2) + m, with s and m half floats.
///
/// What asymmetric integers are with a zero point that is not rounded, as half-quadratic
/// quantization wants it. Parts: those of `TableCodec`: `codes` U8 [rows, ⌈columns·b/8⌉], `scales`
/// and `centres` (m) F16 [rows, spans].
public struct OffsetFormat: TableCodec {
  public let bits: Int
  public let granularity: Granularity

  public init(bits: Int, granularity: Granularity = .group(64)) {
    precondition((1...8).contains(bits))
    self.bits = bits
    self.granularity = granularity
  }

  /// `aff4`, with such as `g64`, `channel` or `tensor`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("aff"), let bits = Int(base.dropFirst(3)), (1...8).contains(bits),
      base == "aff\(bits)", options.count <= 1
    else { return nil }
    guard let option = options.first else {
      self.init(bits: bits)
      return
    }
    guard let granularity = Granularity(name: option) else { return nil }
    self.init(bits: bits, granularity: granularity)
  }

  public var name: String { "aff\(bits):" + granularity.name }
  public var methods: Set<Method> {
    granularity == .tensor ? gridMethods : gridMethods.union([.hqq])
  }

  public var codeBits: Int { bits }
  public var scaleType: ScaleType { .half }
  public var isCentred: Bool { true }
  public var firstCentre: FirstCentre { .midrange }

  public var table: [Float] { Self.tables[bits] }

  private static let tables: [[Float]] = (0...8).map { bits in
    let count = 1 << bits
    return (0..<count).map { Float($0) - Float(count - 1) / 2 }
  }
}
