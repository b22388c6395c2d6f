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

    /// `unstructured`, `channels`, or such as `2:4`.
    public var name: String {
      switch self {
      case .unstructured: "unstructured"
      case .nOfM(let kept, let group): "\(kept):\(group)"
      case .channels: "channels"
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
      let parts = name.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let kept = parts[0], let group = parts[1], kept > 0, kept < group,
        group <= 64
      else { return nil }
      self = .nOfM(kept: kept, of: group)
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
    case .unstructured, .channels: self.ratio = ratio
    case .nOfM(let kept, let group): self.ratio = 1 - Double(kept) / Double(group)
    }
  }

  /// Weights that remain of a row of `columns`; every row keeps as many.
  public func keptCount(columns: Int) -> Int {
    switch pattern {
    case .unstructured, .channels: columns - Int((ratio * Double(columns)).rounded())
    case .nOfM(let kept, let group): columns / group * kept + min(kept, columns % group)
    }
  }
}
