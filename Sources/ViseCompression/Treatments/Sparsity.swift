/// Which share of a site's weights is removed, in which pattern, chosen how.
public struct Sparsity: Hashable, Sendable {
  /// Where zeros may lie.
  public enum Pattern: Hashable, Sendable {
    /// Anywhere in a row.
    case unstructured
    /// `kept` of each `of` consecutive weights of a row remain.
    case nOfM(kept: Int, of: Int)
    /// Whole input channels go, with the rows that make them: the site becomes smaller.
    case channels
    /// Blocks of so many rows and columns go whole.
    case blocks(rows: Int, columns: Int)

    /// `unstructured`, `channels`, or such as `2:4` and `block:16x16`.
    public var name: String {
      switch self {
      case .unstructured: "unstructured"
      case .nOfM(let kept, let group): "\(kept):\(group)"
      case .channels: "channels"
      case .blocks(let rows, let columns): "block:\(rows)x\(columns)"
      }
    }

    public init?(name: String) {
      if name == "unstructured" {
        self = .unstructured
        return
      }
      if name == "channels" {
        self = .channels
        return
      }
      if name.hasPrefix("block:") {
        guard let found = Self.blocks(name.dropFirst(6)) else { return nil }
        self = found
        return
      }
      let parts = name.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let kept = parts[0], let group = parts[1], kept > 0, kept < group,
        group <= 64
      else { return nil }
      self = .nOfM(kept: kept, of: group)
    }

    /// Whether blocks of several weights go whole.
    public var isBlocks: Bool {
      if case .blocks = self { true } else { false }
    }

    /// Blocks of more than one weight, of a size such as `16x16`.
    private static func blocks(_ size: Substring) -> Pattern? {
      let sides = size.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
      guard sides.count == 2, let rows = sides[0], let columns = sides[1], rows > 0, columns > 0,
        rows <= 4096, columns <= 4096, rows * columns > 1
      else { return nil }
      return .blocks(rows: rows, columns: columns)
    }
  }

  /// Share of the weights that becomes zero, between 0 and 1; of channels, before rounding.
  public let ratio: Double
  public let pattern: Pattern
  /// `nil` chooses by whether there is calibration.
  public let method: PruningMethod?

  public init(ratio: Double, pattern: Pattern = .unstructured, method: PruningMethod? = nil) {
    self.pattern = pattern
    self.method = method
    switch pattern {
    case .unstructured, .channels, .blocks: self.ratio = ratio
    case .nOfM(let kept, let group): self.ratio = 1 - Double(kept) / Double(group)
    }
  }

  /// Weights that remain of a row of `columns`; every row keeps as many, of blocks on average.
  public func keptCount(columns: Int) -> Int {
    switch pattern {
    case .unstructured, .channels, .blocks: columns - Int((ratio * Double(columns)).rounded())
    case .nOfM(let kept, let group): columns / group * kept + min(kept, columns % group)
    }
  }
}
