/// A site's input channels that can be removed whole, with the rows that make them.
///
/// Neurons of a feed-forward layer, or heads of attention: the channel goes from the columns of the
/// site and from the rows of the layers before it, and both become smaller.
public struct ChannelGroup: Hashable, Sendable {
  /// Columns that go together: 1 for neurons, the heads of a key–value group for attention.
  public let unit: Int
  /// Units there are.
  public let count: Int
  /// Whether all may go: not where a bias would remain.
  public let canGo: Bool

  public init(unit: Int, count: Int, canGo: Bool) {
    self.unit = unit
    self.count = count
    self.canGo = canGo
  }

  /// What is left comes in multiples of this many units: blocks of 32 for neurons where they divide.
  public var multiple: Int {
    guard unit == 1 else { return 1 }
    return [32, 16, 8, 4, 2].first { count % $0 == 0 && count >= 4 * $0 } ?? 1
  }

  /// Units that remain when `ratio` of them goes; none only where all go.
  public func keptCount(ratio: Double) -> Int {
    guard ratio < 1 else { return 0 }
    let wanted = (Double(count) * (1 - ratio) / Double(multiple)).rounded()
    return min(max(Int(wanted), 1) * multiple, count)
  }
}

/// Rows of a weight or elements of a bias that make another site's channels.
public struct ChannelLink: Hashable, Sendable {
  /// The site whose columns they feed, by name.
  public let leader: String
  public let group: ChannelGroup
  /// Rows that make one of the group's units.
  public let rowsPerUnit: Int

  public init(leader: String, group: ChannelGroup, rowsPerUnit: Int) {
    self.leader = leader
    self.group = group
    self.rowsPerUnit = rowsPerUnit
  }
}

/// What the pruning of another site's channels takes of a site's rows.
public struct RowCut: Hashable, Sendable {
  public let link: ChannelLink
  /// How the leader chooses its channels.
  public let sparsity: Sparsity

  /// Rows that remain.
  public var keptRows: Int { link.group.keptCount(ratio: sparsity.ratio) * link.rowsPerUnit }
}

extension Plan {
  /// The rows `link` loses under this plan; `nil` where it keeps them.
  public func rowCut(of link: ChannelLink?) -> RowCut? {
    guard removesChannels, let link, let sparsity = treatments[link.leader]?.sparsity,
      sparsity.pattern == .channels
    else { return nil }
    let kept = link.group.keptCount(ratio: sparsity.ratio)
    guard kept < link.group.count, kept > 0 || link.group.canGo else { return nil }
    return RowCut(link: link, sparsity: sparsity)
  }

  /// `treatment` of `site` with the rows it loses under this plan.
  public func completed(_ treatment: Treatment, for site: Site) -> Treatment {
    var treatment = treatment
    treatment.rowCut = rowCut(of: site.rowLink)
    treatment.sharers = sharers(of: treatment)
    return treatment
  }
}

extension Treatment {
  /// Without what the plan's other sites add to it.
  var alone: Treatment {
    var treatment = self
    treatment.rowCut = nil
    treatment.sharers = nil
    return treatment
  }

  /// Whether the site becomes smaller, by its own pruning or that of a site it feeds.
  public var removesChannels: Bool { rowCut != nil || sparsity?.pattern == .channels }

  /// `site` in the shape it has once channels are gone.
  public func reduced(_ site: Site) -> Site {
    guard removesChannels else { return site }
    var columns = site.columns
    if let group = site.channels, let sparsity, sparsity.pattern == .channels {
      columns = group.keptCount(ratio: sparsity.ratio) * group.unit
    }
    return Site(
      index: site.index, name: site.name, role: site.role, block: site.block,
      rows: rowCut?.keptRows ?? site.rows, columns: columns, kernel: site.kernel,
      stored: site.stored,
      unformatted: site.unformatted)
  }

  /// What is left to do to the weight of `site` itself once channels are gone.
  public func afterReduction(of site: Site) -> Treatment {
    var rest = self
    rest.correctsBias = false
    guard removesChannels else { return rest }
    rest.rowCut = nil
    if sparsity?.pattern == .channels { rest.sparsity = nil }
    rest.format = storedFormat(for: site)
    return rest
  }

  /// Why `site`'s channels cannot be removed so; `nil` where they can, or none are.
  func channelProblem(for site: Site) -> String? {
    guard let sparsity else { return nil }
    if let method = sparsity.method, !method.suits(sparsity.pattern) {
      if sparsity.pattern.isBlocks, method.suits(.unstructured) {
        return "\(method.rawValue) chooses single weights, not whole blocks"
      }
      return sparsity.pattern == .channels
        ? "\(method.rawValue) chooses single weights, not whole channels"
        : "\(method.rawValue) chooses whole channels: it needs pattern=channels"
    }
    guard sparsity.pattern == .channels else { return nil }
    guard let group = site.channels else {
      return site.role.isOfGraph
        ? "channels go whole only where one convolution alone makes them, not a residual sum"
        : "channels go whole only where other layers make them: of ffn_down and attn_output"
    }
    if let method = sparsity.method, method.readsPartners, group.unit > 1 {
      return "\(method.rawValue) judges neurons, not heads"
    }
    let kept = group.keptCount(ratio: sparsity.ratio)
    if kept == group.count {
      let what = group.unit == 1 ? "neurons" : "groups of heads"
      return "of \(group.count) \(what), in steps of \(group.multiple), that removes none"
    }
    return kept == 0 && !group.canGo ? "with all channels gone its bias would remain" : nil
  }
}
