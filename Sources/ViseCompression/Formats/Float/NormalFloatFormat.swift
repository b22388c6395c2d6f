/// NF4: sixteen levels at quantiles of a normal distribution, times the scale of a group.
///
/// Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs" (2023), section 3 and appendix
/// E. With `dense`, levels lie about a centre that starts at the middle of the densest half of the
/// group (DAQ, 2024). Parts: those of `TableCodec`, `codes` U8 [rows, ⌈columns/2⌉], `scales` F16.
public struct NormalFloatFormat: TableCodec {
  public let granularity: Granularity
  public let isCentred: Bool

  public init(granularity: Granularity = .group(64), isCentred: Bool = false) {
    self.granularity = granularity
    self.isCentred = isCentred
  }

  /// `nf4`, with such as `g64`, `channel`, `tensor` and `dense`.
  init?(base: String, options: [String]) {
    guard base == "nf4" else { return nil }
    var granularity = Granularity.group(64)
    var isCentred = false
    for option in options {
      if option == "dense" {
        isCentred = true
      } else if let found = Granularity(name: option) {
        granularity = found
      } else {
        return nil
      }
    }
    self.init(granularity: granularity, isCentred: isCentred)
  }

  public var name: String { "nf4:" + granularity.name + (isCentred ? ":dense" : "") }
  public var codeBits: Int { 4 }
  public var scaleType: ScaleType { .half }
  public var table: [Float] { Self.levels }

  private static let levels: [Float] = [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1,
  ]
}
