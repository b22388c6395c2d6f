/// How the inputs of a layer are quantized before it: uniform codes for the whole tensor.
///
/// Static: x̂ = s·(clamp(round(x / s) + z) − z) with s and z from the range that calibration saw
/// (Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 2.2). Dynamic: the
/// range is that of each tensor as it comes.
public struct InputFormat: Hashable, Sendable {
  public let bits: Int
  public let isDynamic: Bool

  public init(bits: Int, isDynamic: Bool = false) {
    precondition((2...8).contains(bits) && (!isDynamic || bits == 8))
    self.bits = bits
    self.isDynamic = isDynamic
  }

  /// `int8`, `int4` …, or `int8:dynamic`.
  public init?(name: String) {
    let words = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    guard let base = words.first, base.hasPrefix("int"), let bits = Int(base.dropFirst(3)),
      (2...8).contains(bits), base == "int\(bits)"
    else { return nil }
    switch words.dropFirst() {
    case []: self.init(bits: bits)
    case ["dynamic"] where bits == 8: self.init(bits: bits, isDynamic: true)
    default: return nil
    }
  }

  public var name: String { "int\(bits)" + (isDynamic ? ":dynamic" : "") }

  /// The largest code; the smallest is 0.
  public var high: Int { (1 << bits) - 1 }

  /// Scale and zero point of codes that cover `range` and zero.
  public func grid(covering range: ClosedRange<Float>) -> (scale: Float, zero: Int) {
    let (low, top) = (min(0, range.lowerBound), max(0, range.upperBound))
    let scale = (top - low) / Float(high)
    guard scale > 0, scale.isFinite else { return (1, 0) }
    return (scale, min(max(Int((-low / scale).rounded()), 0), high))
  }
}

extension SiteRole {
  /// Whether what the layer reads can be quantized in an exported graph.
  var takesQuantizedInputs: Bool {
    switch self {
    case .convolution, .depthwiseConvolution, .transposedConvolution, .linear: true
    default: false
    }
  }
}
