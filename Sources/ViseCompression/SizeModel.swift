/// Which file an exact size is of.
public enum SizeTarget: String, Hashable, Sendable {
  case gguf
  /// Vise's own layout of safetensors, which holds every treatment.
  case safetensors
  case onnx
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
  private let custom: Custom?

  /// One model's sizing; two models never share one.
  private struct Custom: Hashable, Sendable {
    let sizing: any PlanSizing

    static func == (left: Custom, right: Custom) -> Bool { left.sizing === right.sizing }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(sizing)) }
  }

  /// Sizes of ONNX files, as `sizing` counts them.
  public init(onnx sizing: any PlanSizing, sites: [Site]) {
    custom = Custom(sizing: sizing)
    self.sites = sites
    storedByteCounts = sites.map { sizing.byteCount(of: $0, under: .keep) }
    (fixedByteCount, alignment, safetensors, writesGGUF, structure) = (0, 1, nil, false, nil)
  }

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
    custom = nil
  }

  /// Whether `byteCount(of: plan)` is exact; it is for GGUF and safetensors.
  public func isExact(_ plan: Plan) -> Bool { custom?.sizing.isExact(plan) ?? true }

  /// Bytes of one site's values under `plan`, without padding.
  ///
  /// A treatment that does not suit the site counts as kept; plans are resolved before they get here.
  public func byteCount(of site: Site, in plan: Plan) -> Int {
    byteCount(of: site, under: plan.change(of: site) ?? .keep)
  }

  /// As `byteCount(of:in:)`, for a treatment of this site alone.
  public func byteCount(of site: Site, under treatment: Treatment) -> Int {
    guard treatment != .keep else { return storedByteCounts[site.index] }
    if let custom { return custom.sizing.byteCount(of: site, under: treatment) }
    if treatment.isFormatOnly, treatment.format == .ggml(site.stored) {
      return storedByteCounts[site.index]
    }
    return treatment.byteCount(for: site) ?? storedByteCounts[site.index]
  }

  /// The file `byteCount(of:)` speaks of.
  public func target(of plan: Plan) -> SizeTarget {
    if custom != nil { return .onnx }
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
    if let custom { return custom.sizing.byteCount(of: plan) }
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
