/// Which file an exact size is of.
public enum SizeTarget: String, Hashable, Sendable {
  case gguf
  /// Vise's own layout of safetensors, which holds every treatment.
  case safetensors
}

/// Exact bytes of the file a plan exports to: GGUF where that holds the plan, else safetensors.
///
/// A GGUF file is a header whose length no plan changes, and one padded extent a tensor.
public struct SizeModel: Hashable, Sendable {
  /// Bytes of the header and of every tensor that is no site, padding included, in GGUF.
  public let fixedByteCount: Int
  /// The multiple every tensor's extent is padded to.
  public let alignment: Int
  private let storedByteCounts: [Int]
  private let sites: [Site]
  private let safetensors: SafetensorsSizes?
  private let writesGGUF: Bool
  private let structure: GGUFStructure?

  /// - Parameters:
  ///   - storedByteCounts: bytes of each site as the file stores it, in the order of `sites`.
  ///   - safetensors: sizes where GGUF cannot be written; without them all is counted as GGUF.
  ///   - writesGGUF: whether the model can be written as GGUF at all.
  ///   - structure: what its size depends on where channels are removed; `nil` writes no such file.
  public init(
    fixedByteCount: Int, alignment: Int, sites: [Site], storedByteCounts: [Int],
    safetensors: SafetensorsSizes? = nil, writesGGUF: Bool = true,
    structure: GGUFStructure? = nil
  ) {
    precondition(sites.count == storedByteCounts.count && alignment > 0)
    self.fixedByteCount = fixedByteCount
    self.alignment = alignment
    self.sites = sites
    self.storedByteCounts = storedByteCounts
    self.safetensors = safetensors
    self.writesGGUF = writesGGUF
    self.structure = structure
  }

  /// Bytes of one site's values under `plan`, without padding.
  ///
  /// A treatment that does not suit the site counts as kept; plans are resolved before they get here.
  public func byteCount(of site: Site, in plan: Plan) -> Int {
    byteCount(of: site, under: plan.change(of: site) ?? .keep)
  }

  /// As `byteCount(of:in:)`, for a treatment of this site alone.
  public func byteCount(of site: Site, under treatment: Treatment) -> Int {
    guard treatment != .keep else { return storedByteCounts[site.index] }
    if treatment.isFormatOnly, treatment.format == .ggml(site.stored) {
      return storedByteCounts[site.index]
    }
    return treatment.byteCount(for: site) ?? storedByteCounts[site.index]
  }

  /// The file `byteCount(of:)` speaks of.
  public func target(of plan: Plan) -> SizeTarget {
    guard safetensors != nil else { return .gguf }
    guard writesGGUF else { return .safetensors }
    let fits = sites.allSatisfy { site in
      guard let treatment = plan.change(of: site) else { return true }
      return treatment.problem(for: site) != nil || treatment.fitsGGUF(site)
    }
    guard fits else { return .safetensors }
    let shape = PlanStructure(of: plan, sites: sites)
    guard !shape.isUnchanged else { return .gguf }
    return structure?.misfits(of: shape, sites: sites).isEmpty ?? false ? .gguf : .safetensors
  }

  /// Bytes of the whole exported file, whose kind is `target(of: plan)`.
  public func byteCount(of plan: Plan) -> Int {
    byteCount(of: plan, as: target(of: plan))
  }

  /// Bytes of the whole file exported as `target`, which must be able to hold the plan.
  public func byteCount(of plan: Plan, as target: SizeTarget) -> Int {
    if target == .safetensors, let safetensors {
      return safetensors.byteCount(of: plan, sites: sites)
    }
    let shape = PlanStructure(of: plan, sites: sites)
    if let structure, !shape.isUnchanged {
      return structure.byteCount(shape, alignment: alignment, plan: plan) {
        byteCount(of: sites[$0], in: plan)
      }
    }
    return sites.reduce(fixedByteCount) { total, site in
      total + padded(byteCount(of: site, in: plan))
    }
  }

  private func padded(_ bytes: Int) -> Int {
    (bytes + alignment - 1) / alignment * alignment
  }
}
