/// Which columns of a site remain, and what is added to them.
public struct ChannelSelection: Hashable, Sendable {
  /// The columns that remain, ascending.
  public let kept: [Int]
  /// For columns that go, the column that takes over their outgoing weights.
  public let merged: [Int: Int]

  public init(kept: [Int], merged: [Int: Int] = [:]) {
    self.kept = kept
    self.merged = merged
  }

  /// Keeps the `keptCount` units of `group` with the largest scores; of equal ones the last.
  init(scores: [Float], keptCount: Int, group: ChannelGroup) {
    precondition(scores.count == group.count)
    let order = scores.indices.sorted { (scores[$0], $0) > (scores[$1], $1) }
    kept = order.prefix(keptCount).sorted().flatMap { unit in
      unit * group.unit..<(unit + 1) * group.unit
    }
    merged = [:]
  }

  /// The rows of a weight that make the channels that remain.
  public func rows(of link: ChannelLink) -> [Int] {
    stride(from: 0, to: kept.count, by: link.group.unit).flatMap { place in
      let unit = kept[place] / link.group.unit
      return unit * link.rowsPerUnit..<(unit + 1) * link.rowsPerUnit
    }
  }
}
