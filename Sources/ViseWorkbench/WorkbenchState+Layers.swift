public import ViseCompression
public import ViseEstimates

extension WorkbenchState {
  /// A layer, what a treatment of it is known to cost, and the bytes that saves.
  public struct LayerCost: Hashable, Sendable {
    public let site: Site
    public let treatment: Treatment
    /// Divergence with only this layer treated so, in nats.
    public let kl: Estimate
    public let savedByteCount: Int
  }

  /// The shown layer whose treatment loses most quality for each byte it saves.
  ///
  /// Where no treated layer's effect is known, what counts is the narrowest width whose effect is.
  public var costliest: LayerCost? {
    let shown = list.shown.map { sites[$0] }
    let treated = shown.compactMap { site in
      cost(of: site, under: document.plan[site.name])
    }
    let costs =
      treated.isEmpty
      ? shown.compactMap { site in
        DefaultFormat.bitWidths.lazy.compactMap { bits -> LayerCost? in
          guard let asked = DefaultFormat.asked(bits: bits, for: site),
            let format = DefaultFormat.resolve(asked, for: site)?.used
          else { return nil }
          return cost(of: site, under: Treatment(format: format))
        }.first
      } : treated
    return costs.max { Self.rate($0) < Self.rate($1) }
  }

  private func cost(of site: Site, under treatment: Treatment) -> LayerCost? {
    guard treatment != .keep, let kl = sensitivities[site.index]?[treatment], kl.value.isFinite
    else { return nil }
    let saved = savedByteCount(of: site, under: treatment)
    guard saved > 0 else { return nil }
    return LayerCost(site: site, treatment: treatment, kl: kl, savedByteCount: saved)
  }

  /// Bytes saved by treating `site` so and nothing else.
  func savedByteCount(of site: Site, under treatment: Treatment) -> Int {
    guard let sizes = summary?.sizeModel else { return 0 }
    let alone = Plan(only: site.name, treatment: treatment)
    return sizes.byteCount(of: site, in: Plan()) - sizes.byteCount(of: site, in: alone)
  }

  private static func rate(_ cost: LayerCost) -> Double {
    cost.kl.value / Double(cost.savedByteCount)
  }

  mutating func moveToCostliest() {
    guard let costliest, let position = list.shown.firstIndex(of: costliest.site.index) else {
      return
    }
    list.move(to: position)
    message = .note(
      "costs most quality a byte: \(costliest.site.name) as \(costliest.treatment.name)")
  }

  /// Marks the layers of the selected one's role and shape.
  mutating func markAlike() {
    guard let selected = selectedSite else { return }
    let alike = sites.filter {
      $0.role == selected.role && $0.rows == selected.rows && $0.columns == selected.columns
    }
    list.marks.formUnion(alike.map(\.index))
    message = .note("\(alike.count) layers like \(selected.name) marked (A clears)")
  }

  mutating func copyTreatment() {
    guard let site = selectedSite else { return }
    let treatment = document.plan[site.name]
    copiedTreatment = treatment
    message = .note("took \(treatment.name); V puts it on the marked layers or the selected one")
  }
}
