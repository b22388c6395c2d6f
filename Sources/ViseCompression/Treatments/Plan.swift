/// Treatments for the sites of a model.
///
/// A plan is data: it can be compared, hashed, saved and run again. It names sites by their key in
/// the checkpoint and says nothing about where files are. Sites it does not name are kept.
public struct Plan: Hashable, Sendable {
  /// Treatments other than `keep`, by site name.
  public private(set) var treatments: [String: Treatment]
  /// Treatments that remove channels; without any, no site loses rows to another's.
  private var channelCount: Int
  /// Sites by the treatment that makes them share a basis, in the order of their names.
  private var sharers: [Treatment: [String]] = [:]

  public init(treatments: [String: Treatment] = [:]) {
    self.treatments = treatments.mapValues(\.alone).filter { $0.value != .keep }
    channelCount = self.treatments.values.count(where: \.removesChannels)
    for (name, treatment) in self.treatments where treatment.sharesBasis {
      sharers[treatment, default: []].append(name)
    }
    sharers = sharers.mapValues { $0.sorted() }
  }

  /// Treats `name` alone, with the basis it shares with others where `treatment` says so.
  public init(only name: String, treatment: Treatment) {
    self.init(treatments: [name: treatment])
    if let names = treatment.sharers?.names { sharers[treatment.alone] = names }
  }

  /// Whether any site loses channels.
  public var removesChannels: Bool { channelCount > 0 }

  /// The treatment of the site called `name`.
  public subscript(name: String) -> Treatment {
    get { treatments[name] ?? .keep }
    set {
      let new = newValue.alone == .keep ? nil : newValue.alone
      if treatments[name]?.removesChannels ?? false { channelCount -= 1 }
      if new?.removesChannels ?? false { channelCount += 1 }
      if let old = treatments[name], old.sharesBasis {
        let rest = sharers[old]?.filter { $0 != name } ?? []
        sharers[old] = rest.isEmpty ? nil : rest
      }
      if let new, new.sharesBasis { sharers[new] = ((sharers[new] ?? []) + [name]).sorted() }
      treatments[name] = new
    }
  }

  /// Whether what a site becomes can depend on what is done to others.
  private var joinsSites: Bool { removesChannels || !sharers.isEmpty }

  /// Who shares a basis under `treatment`; `nil` where it names none.
  func sharers(of treatment: Treatment) -> BasisSharers? {
    guard treatment.sharesBasis, let names = sharers[treatment.alone] else { return nil }
    return BasisSharers(names: names)
  }

  public var isEmpty: Bool { treatments.isEmpty }

  /// The sites of `sites` whose treatment differs between the two plans, in their order.
  public func changedSites(from other: Plan, among sites: [Site]) -> [Site] {
    sites.filter { self[$0.name] != other[$0.name] }
  }
}

extension Plan {
  /// What is done to the values of `site`, or `nil` where its bytes stay as the file has them.
  ///
  /// Asking for the format the file already uses, and nothing else, changes nothing.
  /// Rows that the pruning of another site's channels takes are part of the change.
  public func change(of site: Site) -> Treatment? {
    // A frame asks this of every site several times: most are untreated.
    guard joinsSites else { return ownChange(of: site) }
    return Self.change(completed(self[site.name], for: site), of: site)
  }

  /// As `change(of:)`, without what another site's pruning does.
  public func ownChange(of site: Site) -> Treatment? {
    treatments[site.name].flatMap { Self.change($0, of: site) }
  }

  private static func change(_ treatment: Treatment, of site: Site) -> Treatment? {
    guard treatment != .keep else { return nil }
    if treatment.isFormatOnly, treatment.format == .ggml(site.stored) { return nil }
    return treatment
  }
}
