/// The shape a plan's channel pruning gives the blocks of a model.
///
/// Runtimes have one width for the feed-forward layers of all blocks and one number of heads, so
/// what the blocks keep must agree; blocks that keep nothing of either go altogether.
public struct PlanStructure: Hashable, Sendable {
  /// A site whose channels no uniform model has.
  public struct Misfit: Hashable, Sendable {
    public let site: String
    public let reason: String
  }

  /// Blocks of which nothing is left.
  public private(set) var removedBlocks: Set<Int> = []
  /// Feed-forward neurons of every block that remains; `nil` where none is pruned.
  public private(set) var neurons: Int?
  /// Groups of heads of every block that remains; `nil` where none is pruned.
  public private(set) var headGroups: Int?
  public private(set) var misfits: [Misfit] = []

  public var isUnchanged: Bool {
    removedBlocks.isEmpty && neurons == nil && headGroups == nil && misfits.isEmpty
  }

  public init(of plan: Plan, sites: [Site]) {
    guard plan.removesChannels else { return }
    let leaders = sites.compactMap { Leader($0, plan) }
    let byBlock = Dictionary(grouping: leaders, by: \.block)
    removedBlocks = Set(
      byBlock.filter { $0.value.count == 2 && $0.value.allSatisfy { $0.kept == 0 } }.keys)
    if !removedBlocks.isEmpty, removedBlocks.count == byBlock.count {
      misfits = leaders.map { Misfit(site: $0.name, reason: "no block would remain") }
      return
    }
    let remaining = leaders.filter { !removedBlocks.contains($0.block) }
    neurons = uniform(remaining.filter { !$0.isAttention }, "neurons")
    headGroups = uniform(remaining.filter(\.isAttention), "groups of heads")
  }

  /// What all of `leaders` keep, where they agree on something and prune anything.
  private mutating func uniform(_ leaders: [Leader], _ what: String) -> Int? {
    let counts = Set(leaders.map(\.kept))
    guard leaders.contains(where: { $0.kept != $0.count }) else { return nil }
    if counts.count == 1, let kept = counts.first, kept > 0 { return kept }
    let list = counts.sorted().map(String.init).joined(separator: ", ")
    let reason =
      counts == [0]
      ? "a block without \(what) is no block of this architecture"
      : "all blocks must keep equally many \(what), they would keep \(list)"
    misfits += leaders.filter { $0.kept != $0.count }.map { Misfit(site: $0.name, reason: reason) }
    return nil
  }

  /// The number block `block` has once others are gone.
  public func renumbered(_ block: Int) -> Int {
    block - removedBlocks.count { $0 < block }
  }

  /// What a site with removable channels keeps.
  private struct Leader {
    let name: String
    let block: Int
    let isAttention: Bool
    let count: Int
    let kept: Int

    init?(_ site: Site, _ plan: Plan) {
      guard let group = site.channels, let block = site.block else { return nil }
      name = site.name
      self.block = block
      isAttention = site.role == .attentionOutput
      count = group.count
      let treatment = plan[site.name]
      let isPruned = treatment.removesChannels && treatment.problem(for: site) == nil
      kept = isPruned ? group.keptCount(ratio: treatment.sparsity?.ratio ?? 0) : count
    }
  }
}

/// A reason blocks cannot be dropped.
public enum BlockDropError: Error, Hashable, Sendable {
  /// The block has something no pruning of channels removes, such as a bias.
  case notRemovable(block: Int)
  case nothingWouldRemain
}

extension Plan {
  /// This plan without the blocks `blocks`: everything that leaves them is pruned.
  public func dropping(
    blocks: Set<Int>, of sites: [Site]
  ) throws(BlockDropError) -> Plan {
    var plan = self
    let whole = Treatment(sparsity: Sparsity(ratio: 1, pattern: .channels))
    for block in blocks.sorted() {
      let own = sites.filter { $0.block == block }
      let leaders = own.filter { $0.channels?.canGo ?? false }
      guard leaders.count == 2 else { throw .notRemovable(block: block) }
      for site in own { plan[site.name] = leaders.contains(site) ? whole : .keep }
    }
    guard !Set(sites.compactMap(\.block)).subtracting(blocks).isEmpty || blocks.isEmpty else {
      throw .nothingWouldRemain
    }
    return plan
  }
}
