/// Uniform integers of 2 to 8 bits: x̂ = s·(q − z), with a scale s, and where asymmetric a zero
/// point z, per tensor, per channel (row) or per group of consecutive columns.
///
/// Symmetric codes are signed, −2^(b−1) … 2^(b−1) − 1, with z = 0; asymmetric ones 0 … 2^b − 1.
/// Scales are half floats, and the product is rounded to one, as runtimes compute it (Nagel et al.,
/// "A White Paper on Neural Network Quantization", 2021, eq. 4–7).
///
/// Parts: `codes` U8 [rows, ⌈columns·b/8⌉], q − low in b bits, low bits first, each row beginning
/// at a byte; `scales` F16 and, where asymmetric, `zeros` U8, both [rows, spans], or [1, 1] for a
/// tensor. x̂ = half((code + low − z) · s), computed in float32.
public struct IntegerFormat: Hashable, Sendable {
  /// How the range that codes cover is chosen.
  public enum Range: Hashable, Sendable {
    /// The least squared error over shrunken ranges and their least-squares refits, weighed by what
    /// the inputs make each worth, or where they are not known by the weights' magnitudes.
    ///
    /// Large weights tend to meet large inputs: plain squares clip them too much. ggml's k-quants
    /// weigh so without an importance matrix.
    case leastError
    /// As `leastError`, but plain squares where the inputs are not known.
    case leastSquares
    /// From the smallest to the largest weight.
    case extremes
    /// All but the outermost magnitudes: tenths of a percent that lie inside, such as 999.
    case percentile(permille: Int)

    var option: String? {
      switch self {
      case .leastError: nil
      case .leastSquares: "mse"
      case .extremes: "minmax"
      case .percentile(let permille):
        permille % 10 == 0 ? "p\(permille / 10)" : "p\(permille / 10).\(permille % 10)"
      }
    }

    /// `mse`, `minmax`, or such as `p99.9`.
    init?(option: String) {
      switch option {
      case "mse": self = .leastSquares
      case "minmax": self = .extremes
      default:
        guard option.hasPrefix("p"), let percent = Double(option.dropFirst()), percent >= 50,
          percent < 100
        else { return nil }
        let permille = (percent * 10).rounded()
        guard abs(percent * 10 - permille) < 1e-6, permille < 1000 else { return nil }
        self = .percentile(permille: Int(permille))
      }
    }
  }

  public let bits: Int
  public let granularity: Granularity
  public let isSymmetric: Bool
  public let range: Range
  /// Bits of an accumulator that no span's products with 8-bit inputs may overflow; `nil` for any.
  ///
  /// Spans are then rounded by `AccumulatorProjection`.
  public let accumulator: Int?

  public init(
    bits: Int, granularity: Granularity = .group(128), isSymmetric: Bool = true,
    range: Range = .leastError, accumulator: Int? = nil
  ) {
    precondition((2...8).contains(bits))
    precondition(accumulator == nil || (isSymmetric && granularity != .tensor))
    self.bits = bits
    self.granularity = granularity
    self.isSymmetric = isSymmetric
    self.range = range
    self.accumulator = accumulator
  }

  /// The accumulators that can be asked for: an 8-bit product needs 15 bits and a sign.
  static let accumulators = 12...32

  /// The format written `int4`, with options such as `g128`, `channel`, `tensor`, `asym`, `sym`,
  /// `mse`, `minmax`, `p99.9`, and `acc16` for symmetric groups or channels.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("int"), let bits = Int(base.dropFirst(3)), (2...8).contains(bits),
      base == "int\(bits)"
    else { return nil }
    var granularity = bits == 8 ? Granularity.channel : .group(128)
    var isSymmetric = true
    var range = Range.leastError
    var accumulator: Int?
    for option in options {
      if option == "sym" || option == "asym" {
        isSymmetric = option == "sym"
      } else if let found = Granularity(name: option) {
        granularity = found
      } else if let found = Range(option: option) {
        range = found
      } else if let found = Self.accumulator(option) {
        accumulator = found
      } else {
        return nil
      }
    }
    if accumulator != nil, !isSymmetric || granularity == .tensor { return nil }
    self.init(
      bits: bits, granularity: granularity, isSymmetric: isSymmetric, range: range,
      accumulator: accumulator)
  }

  private static func accumulator(_ option: String) -> Int? {
    guard option.hasPrefix("acc"), let bits = Int(option.dropFirst(3)), option == "acc\(bits)",
      accumulators.contains(bits)
    else { return nil }
    return bits
  }

  /// The codes' range.
  public var low: Int { isSymmetric ? -(1 << (bits - 1)) : 0 }
  public var high: Int { low + (1 << bits) - 1 }
}
