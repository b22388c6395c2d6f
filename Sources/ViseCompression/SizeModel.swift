/// Exact bytes of the file a plan exports to.
///
/// A GGUF file is a header whose length no plan changes, and one padded extent a tensor.
public struct SizeModel: Hashable, Sendable {
  /// Bytes of the header and of every tensor that is no site, padding included.
  public let fixedByteCount: Int
  /// The multiple every tensor's extent is padded to.
  public let alignment: Int
  private let storedByteCounts: [Int]
  private let sites: [Site]

  /// - Parameter storedByteCounts: bytes of each site as the file stores it, in the order of `sites`.
  public init(fixedByteCount: Int, alignment: Int, sites: [Site], storedByteCounts: [Int]) {
    precondition(sites.count == storedByteCounts.count && alignment > 0)
    self.fixedByteCount = fixedByteCount
    self.alignment = alignment
    self.sites = sites
    self.storedByteCounts = storedByteCounts
  }

  /// Bytes of one site's values under `treatment`, without padding.
  ///
  /// A treatment that does not suit the site counts as kept; plans are resolved before they get here.
  public func byteCount(of site: Site, under treatment: Treatment) -> Int {
    guard treatment != .keep else { return storedByteCounts[site.index] }
    if treatment.isFormatOnly, treatment.format == .ggml(site.stored) {
      return storedByteCounts[site.index]
    }
    return treatment.byteCount(for: site) ?? storedByteCounts[site.index]
  }

  /// Bytes of the whole exported file.
  public func byteCount(of plan: Plan) -> Int {
    sites.reduce(fixedByteCount) { total, site in
      total + padded(byteCount(of: site, under: plan[site.name]))
    }
  }

  private func padded(_ bytes: Int) -> Int {
    (bytes + alignment - 1) / alignment * alignment
  }
}
