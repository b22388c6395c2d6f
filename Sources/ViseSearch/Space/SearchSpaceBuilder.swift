public import ViseCompression
import ViseEvaluation
import ViseTensor

/// Makes a search space from a model's sites.
public struct SearchSpaceBuilder: Sendable {
  /// Sites that are treated alike.
  public enum Tie: String, CaseIterable, Hashable, Sendable {
    /// Query, key and value of a block, as runtimes with fused projections need.
    case qkv
    /// Gate and up projection of a block.
    case gateUp = "gate-up"

    fileprivate var roles: Set<SiteRole> {
      switch self {
      case .qkv: [.attentionQuery, .attentionKey, .attentionValue]
      case .gateUp: [.ffnGate, .ffnUp]
      }
    }
  }

  public let sites: [Site]
  /// Treatments that stand: their sites are not chosen for.
  public var locked: Plan
  /// Names of further sites that keep what they have.
  public var keptSites: Set<String> = []
  /// What sites may get; where a row does not fit a format, sites get the larger one that does.
  public var treatments: [Treatment]
  public var ties: Set<Tie> = []
  /// Whether a site may stay as the file has it.
  public var allowsKeep = true
  /// Where given, what takes no fewer bytes of a site than the file's own values is no option.
  public var sizes: SizeModel?

  public init(sites: [Site], locked: Plan = Plan(), treatments: [Treatment]) {
    self.sites = sites
    self.locked = locked
    self.treatments = treatments
  }

  /// ggml types that stock llama.cpp runs, from two to eight bits, by size.
  public static let executableFormats: [NumberFormat] = [
    .ggml(.iq2_XXS), .ggml(.iq2_XS), .ggml(.iq2_S), .ggml(.q2_K), .ggml(.iq3_XXS), .ggml(.iq3_S),
    .ggml(.q3_K), .ggml(.mxfp4), .ggml(.iq4_XS), .ggml(.iq4_NL), .ggml(.q4_K), .ggml(.q5_0),
    .ggml(.q5_K), .ggml(.q6_K), .ggml(.q8_0),
  ]

  /// Integers that ONNX files hold as codes of 4 and 8 bits; other widths take no less than these.
  public static let graphFormats: [NumberFormat] = [
    "int4:channel", "int4:channel:asym", "int4:g32", "int8:channel",
  ].compactMap { NumberFormat(name: $0) }

  /// Convolutions of small tensors, which take fewer multiplications.
  public static let graphDecompositions: [Treatment] =
    treatments(["cp:12%", "cp:15%", "cp:20%", "cp:25%", "cp:30%", "cp:40%", "cp:55%"])
    + treatments(["separable:30%", "separable:50%", "tucker:30%", "tucker:50%"])

  /// What kernels run faster: fewer channels, and convolutions one after the other that keep many of them.
  public static let graphReductions: [Treatment] =
    [0.125, 0.25, 0.375, 0.5, 0.625, 0.75].map {
      Treatment(sparsity: Sparsity(ratio: $0, pattern: .channels))
    } + treatments(["separable:30%", "separable:50%", "separable:70%"])

  private static func treatments(_ structures: [String]) -> [Treatment] {
    structures.compactMap { Structure(name: $0).map { Treatment(structure: $0) } }
  }

  /// What sites of the kind of model may get where nothing else is asked for.
  public static func standardTreatments(for sites: [Site]) -> [Treatment] {
    let isGraph = sites.contains { $0.role.isOfGraph }
    return (isGraph ? graphFormats : executableFormats).map { Treatment(format: $0) }
  }

  public func build() -> SearchSpace {
    let free = sites.filter { locked[$0.name] == .keep && !keptSites.contains($0.name) }
    let units = groups(free).compactMap { group -> SearchUnit? in
      let options = options(of: group)
      return options.count > 1
        ? SearchUnit(sites: group.map(\.index), options: options) : nil
    }
    return SearchSpace(base: locked, units: units, siteNames: sites.map(\.name))
  }

  /// Free sites in the groups they share options in, in the order of the model.
  private func groups(_ free: [Site]) -> [[Site]] {
    var groups: [[Site]] = []
    var places: [String: Int] = [:]
    for site in free {
      guard let tie = ties.first(where: { $0.roles.contains(site.role) }), let block = site.block
      else {
        groups.append([site])
        continue
      }
      let key = "\(tie.rawValue) \(block)"
      if let place = places[key] {
        groups[place].append(site)
      } else {
        places[key] = groups.count
        groups.append([site])
      }
    }
    return groups
  }

  /// Different options that suit every site of the group.
  private func options(of group: [Site]) -> [SearchOption] {
    var seen: Set<SearchOption> = []
    var options: [SearchOption] = []
    if allowsKeep { options.append(SearchOption(treatments: group.map { _ in .keep })) }
    for asked in treatments.map(SensitivityOption.init) {
      let own = group.compactMap { asked.treatment(for: $0) }
      guard own.count == group.count, savesBytes(own, group) else { continue }
      options.append(SearchOption(treatments: own))
    }
    return options.filter { seen.insert($0).inserted }
  }

  private func savesBytes(_ treatments: [Treatment], _ group: [Site]) -> Bool {
    guard let sizes else { return true }
    func sum(_ byteCounts: [Int]) -> Int { byteCounts.reduce(0, +) }
    return sum(zip(group, treatments).map { sizes.byteCount(of: $0, under: $1) })
      < sum(group.map { sizes.byteCount(of: $0, under: .keep) })
  }
}
