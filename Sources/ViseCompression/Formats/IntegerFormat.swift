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
    /// The least squared error, weighed by importance, over shrunken ranges and their least-squares
    /// refits.
    case leastError
    /// From the smallest to the largest weight.
    case extremes
    /// All but the outermost magnitudes: tenths of a percent that lie inside, such as 999.
    case percentile(permille: Int)

    var option: String? {
      switch self {
      case .leastError: nil
      case .extremes: "minmax"
      case .percentile(let permille):
        permille % 10 == 0 ? "p\(permille / 10)" : "p\(permille / 10).\(permille % 10)"
      }
    }

    /// `mse`, `minmax`, or such as `p99.9`.
    init?(option: String) {
      switch option {
      case "mse": self = .leastError
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

  public init(
    bits: Int, granularity: Granularity = .group(128), isSymmetric: Bool = true,
    range: Range = .leastError
  ) {
    precondition((2...8).contains(bits))
    self.bits = bits
    self.granularity = granularity
    self.isSymmetric = isSymmetric
    self.range = range
  }

  /// The format written `int4`, with options such as `g128`, `channel`, `tensor`, `asym`, `sym`,
  /// `mse`, `minmax`, `p99.9`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("int"), let bits = Int(base.dropFirst(3)), (2...8).contains(bits),
      base == "int\(bits)"
    else { return nil }
    var granularity = bits == 8 ? Granularity.channel : .group(128)
    var isSymmetric = true
    var range = Range.leastError
    for option in options {
      if option == "sym" || option == "asym" {
        isSymmetric = option == "sym"
      } else if let found = Granularity(name: option) {
        granularity = found
      } else if let found = Range(option: option) {
        range = found
      } else {
        return nil
      }
    }
    self.init(bits: bits, granularity: granularity, isSymmetric: isSymmetric, range: range)
  }

  /// The codes' range.
  public var low: Int { isSymmetric ? -(1 << (bits - 1)) : 0 }
  public var high: Int { low + (1 << bits) - 1 }
}
