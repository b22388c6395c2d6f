/// Uniform integers of 2 to 8 bits: x̂ = s·(q − z), with a scale s, and where asymmetric a zero
/// point z, per tensor, per channel (row) or per group of consecutive columns.
///
/// Symmetric codes are signed, −2^(b−1) … 2^(b−1) − 1, with z = 0; asymmetric ones 0 … 2^b − 1.
/// Scales are half floats, and the product is rounded to one, as runtimes compute it (Nagel et al.,
/// "A White Paper on Neural Network Quantization", 2021, eq. 4–7).
public struct IntegerFormat: Hashable, Sendable {
  /// What shares a scale.
  public enum Granularity: Hashable, Sendable {
    case tensor
    case channel
    case group(Int)
  }

  public let bits: Int
  public let granularity: Granularity
  public let isSymmetric: Bool

  public init(bits: Int, granularity: Granularity = .group(128), isSymmetric: Bool = true) {
    precondition((2...8).contains(bits))
    self.bits = bits
    self.granularity = granularity
    self.isSymmetric = isSymmetric
  }

  /// The format written `int4`, with options such as `g128`, `channel`, `tensor`, `asym`, `sym`.
  init?(base: String, options: [String]) {
    guard base.hasPrefix("int"), let bits = Int(base.dropFirst(3)), (2...8).contains(bits) else {
      return nil
    }
    var granularity = bits == 8 ? Granularity.channel : .group(128)
    var isSymmetric = true
    for option in options {
      switch option {
      case "tensor": granularity = .tensor
      case "channel": granularity = .channel
      case "sym": isSymmetric = true
      case "asym": isSymmetric = false
      default:
        guard option.hasPrefix("g"), let group = Int(option.dropFirst()), group >= 8,
          group <= 65_536
        else { return nil }
        granularity = .group(group)
      }
    }
    self.init(bits: bits, granularity: granularity, isSymmetric: isSymmetric)
  }

  /// The codes' range.
  public var low: Int { isSymmetric ? -(1 << (bits - 1)) : 0 }
  public var high: Int { low + (1 << bits) - 1 }
}
