/// Small floats times a scale per tensor, channel or group: fp8, fp6 and fp4, and the OCP
/// microscaling formats.
///
/// Parts: `codes`, the floats' own bits (F8_E4M3 or F8_E5M2 [rows, columns]; for 4 and 6 bits U8
/// [rows, ⌈columns·b/8⌉], low bits first); `scales`, F32 for 6 and 8 bits, F16 for 4 bits, [rows,
/// spans] or [1, 1]; with `mx` U8 e standing for 2^(e − 127), for each 32 weights; with `dense`
/// also `centres` F16. x̂ = float · scale (+ centre), in float32.
public struct FloatFormat: TableCodec {
  public let kind: MiniFloat
  public let granularity: Granularity
  /// Whether scales are powers of two for 32 weights each (OCP Microscaling Formats, 2023).
  public let isMicroscaled: Bool
  /// Whether levels lie about the densest half of a group (DAQ); of 4-bit floats only.
  public let isCentred: Bool

  public init(
    kind: MiniFloat, granularity: Granularity, isMicroscaled: Bool = false, isCentred: Bool = false
  ) {
    precondition(!isCentred || (kind == .e2m1 && !isMicroscaled))
    self.kind = kind
    self.granularity = isMicroscaled ? .group(32) : granularity
    self.isMicroscaled = isMicroscaled
    self.isCentred = isCentred
  }

  /// `fp8`, `fp8_e5m2`, `fp6`, `fp6_e3m2` or `fp4`, with `tensor`, `channel`, `g64`, `mx`, `dense`.
  init?(base: String, options: [String]) {
    guard let kind = MiniFloat.allCases.first(where: { Self.baseName($0) == base }) else {
      return nil
    }
    var granularity = kind == .e2m1 ? Granularity.group(64) : .channel
    var isMicroscaled = false
    var isCentred = false
    for option in options {
      if option == "mx" {
        isMicroscaled = true
      } else if option == "dense", kind == .e2m1 {
        isCentred = true
      } else if let found = Granularity(name: option) {
        granularity = found
      } else {
        return nil
      }
    }
    guard !isMicroscaled || (options == ["mx"]) else { return nil }
    self.init(
      kind: kind, granularity: granularity, isMicroscaled: isMicroscaled, isCentred: isCentred)
  }

  private static func baseName(_ kind: MiniFloat) -> String {
    switch kind {
    case .e2m1: "fp4"
    case .e2m3: "fp6"
    case .e3m2: "fp6_e3m2"
    case .e4m3: "fp8"
    case .e5m2: "fp8_e5m2"
    }
  }

  public var name: String {
    Self.baseName(kind) + ":" + (isMicroscaled ? "mx" : granularity.name)
      + (isCentred ? ":dense" : "")
  }

  public var codeBits: Int { kind.bits }
  public var table: [Float] { kind.values }
  public var storedCodes: [UInt8] { kind.patterns }

  public var codeType: PartType {
    switch kind {
    case .e4m3: .float8E4M3
    case .e5m2: .float8E5M2
    case .e2m1, .e2m3, .e3m2: .uint8
    }
  }

  public var scaleType: ScaleType {
    isMicroscaled ? .powerOfTwo : kind == .e2m1 ? .half : .float
  }
}
