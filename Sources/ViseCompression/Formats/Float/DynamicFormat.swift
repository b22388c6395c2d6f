/// Block-wise dynamic 8-bit: a table whose exponent and fraction share seven bits by value.
///
/// Dettmers et al., "8-bit Optimizers via Block-wise Quantization" (2022), section 2.2, and
/// "8-bit Approximations for Parallelism in Deep Learning" (2016). A leading run of zero bits is a
/// decimal exponent 10^(i − 6); the i bits left divide [0.1, 1] into 2^i parts, whose middles are
/// the levels. With 0 and 1 these are 256 levels, of which −1 is none. Parts: those of
/// `TableCodec`, `codes` U8 [rows, columns], the index in the ascending table; `scales` F32.
public struct DynamicFormat: TableCodec {
  public let granularity: Granularity

  public init(granularity: Granularity = .group(256)) {
    self.granularity = granularity
  }

  /// `dynamic8`, with such as `g256`, `channel` or `tensor`.
  init?(base: String, options: [String]) {
    guard base == "dynamic8", options.count <= 1 else { return nil }
    guard let option = options.first else {
      self.init()
      return
    }
    guard let granularity = Granularity(name: option) else { return nil }
    self.init(granularity: granularity)
  }

  public var name: String { "dynamic8:" + granularity.name }
  public var codeBits: Int { 8 }
  public var scaleType: ScaleType { .float }
  public var table: [Float] { Self.levels }

  private static let levels: [Float] = {
    var levels: [Double] = [0, 1]
    var power = 1e-6
    for bits in 0..<7 {
      let count = 1 << bits
      for index in 0..<count {
        let middle = 0.1 + 0.9 * (Double(index) + 0.5) / Double(count)
        levels += [power * middle, -power * middle]
      }
      power *= 10
    }
    return levels.sorted().map { Float($0) }
  }()
}
