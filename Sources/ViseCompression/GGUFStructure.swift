/// What the size of a GGUF file depends on once blocks and channels are removed.
public struct GGUFStructure: Hashable, Sendable {
  /// One tensor of the source, in the file's order.
  public struct Item: Hashable, Sendable {
    /// The site it is; `nil` for a tensor that cannot be treated.
    public let site: Int?
    public let block: Int?
    public let nameByteCount: Int
    public let dimensionCount: Int
    public let byteCount: Int
    public let elementCount: Int
    /// The channels its elements make, for biases.
    public let link: ChannelLink?

    public init(
      site: Int?, block: Int?, nameByteCount: Int, dimensionCount: Int, byteCount: Int,
      elementCount: Int, link: ChannelLink?
    ) {
      self.site = site
      self.block = block
      self.nameByteCount = nameByteCount
      self.dimensionCount = dimensionCount
      self.byteCount = byteCount
      self.elementCount = elementCount
      self.link = link
    }
  }

  private let items: [Item]
  /// Bytes before the list of tensors.
  private let metadataByteCount: Int
  /// Bytes of the keys that say how long a head is, where the source leaves them out.
  private let headKeysByteCount: Int
  /// Whether a block's place says how it works, so that none can be taken out.
  private let blocksHavePlaces: Bool

  public init(
    items: [Item], metadataByteCount: Int, headKeysByteCount: Int, blocksHavePlaces: Bool
  ) {
    self.items = items
    self.metadataByteCount = metadataByteCount
    self.headKeysByteCount = headKeysByteCount
    self.blocksHavePlaces = blocksHavePlaces
  }

  /// The sites that keep a file of this architecture from having `shape`.
  public func misfits(of shape: PlanStructure, sites: [Site]) -> [PlanStructure.Misfit] {
    guard blocksHavePlaces, !shape.removedBlocks.isEmpty else { return shape.misfits }
    let removed = sites.filter { site in
      site.channels != nil && site.block.map { shape.removedBlocks.contains($0) } ?? false
    }
    return shape.misfits
      + removed.map {
        PlanStructure.Misfit(
          site: $0.name, reason: "which blocks see only a window goes by their place")
      }
  }

  /// Bytes of the file of `shape`, whose site at each index has `siteByteCount` bytes.
  func byteCount(
    _ shape: PlanStructure, alignment: Int, plan: Plan, siteByteCount: (Int) -> Int
  ) -> Int {
    func padded(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }
    var header = metadataByteCount + (shape.headGroups == nil ? 0 : headKeysByteCount)
    var data = 0
    for item in items {
      var nameByteCount = item.nameByteCount
      if let block = item.block {
        guard !shape.removedBlocks.contains(block) else { continue }
        nameByteCount += String(shape.renumbered(block)).utf8.count - String(block).utf8.count
      }
      // Length and bytes of the name, dimension count, dimensions, type, offset.
      header += 8 + nameByteCount + 4 + 8 * item.dimensionCount + 4 + 8
      if let site = item.site {
        data += padded(siteByteCount(site))
      } else {
        let kept = plan.rowCut(of: item.link)?.keptRows ?? item.elementCount
        data += padded(item.byteCount / max(item.elementCount, 1) * kept)
      }
    }
    return padded(header) + data
  }
}
