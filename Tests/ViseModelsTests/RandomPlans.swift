import ViseCompression
import ViseTensor

extension Plan {
  /// A plan that gives about `share` of the sites a random format their rows can hold.
  static func random(for sites: [Site], share: Double, using random: inout RandomSource) -> Plan {
    var plan = Plan()
    for site in sites where random.nextUnit() < share {
      let formats = NumberFormat.encodable.map { NumberFormat.ggml($0) }
        .filter { $0.byteCount(rows: site.rows, columns: site.columns) != nil }
      plan[site.name] = Treatment(format: formats.randomElement(using: &random))
    }
    return plan
  }

  /// A plan that gives about `share` of the sites one of `formats` that fits, or where `rankShare`
  /// says so, two factors of it.
  static func random(
    for sites: [Site], formats: [NumberFormat], share: Double, rankShare: Double = 0,
    using random: inout RandomSource
  ) -> Plan {
    var plan = Plan()
    for site in sites where random.nextUnit() < share {
      let ranks = 8..<min(site.rows, site.columns)
      let lowRank =
        random.nextUnit() < rankShare && !ranks.isEmpty
        ? LowRank(rank: ranks.randomElement(using: &random) ?? 8) : nil
      let choices = formats.map { Treatment(lowRank: lowRank, format: $0) }
        .filter { $0.byteCount(for: site) != nil }
      plan[site.name] = choices.randomElement(using: &random) ?? .keep
    }
    return plan
  }
}

extension Plan {
  /// A plan that prunes channels, drops blocks and gives sites formats: `uniform` does the same to
  /// the channels of all blocks, as most files need it.
  static func randomlyStructured(
    for sites: [Site], formats: [NumberFormat], uniform: Bool, using random: inout RandomSource
  ) -> Plan {
    var plan = Plan()
    var ratios: [SiteRole: Double] = [:]
    for role in [SiteRole.ffnDown, .attentionOutput] where random.nextUnit() < 0.7 {
      ratios[role] = [0.25, 0.5, 0.75].randomElement(using: &random)
    }
    for site in sites {
      var treatment = Treatment.keep
      if site.channels != nil, let ratio = ratios[site.role], uniform || random.nextUnit() < 0.5 {
        treatment.sparsity = Sparsity(ratio: ratio, pattern: .channels)
        if treatment.problem(for: site) != nil { treatment.sparsity = nil }
      }
      if random.nextUnit() < 0.4, let format = formats.randomElement(using: &random) {
        var stored = treatment
        stored.format = format
        if stored.byteCount(for: site) != nil { treatment = stored }
      }
      plan[site.name] = treatment
    }
    guard random.nextUnit() < 0.4 else { return plan }
    return (try? plan.dropping(blocks: [Int.random(in: 0..<2, using: &random)], of: sites)) ?? plan
  }
}

extension NumberFormat {
  /// One of every kind that is no ggml type, in short groups where groups are a choice.
  static let everyKind = everyKindNames.compactMap(NumberFormat.init(name:))

  static let everyKindNames = [
    "int4:g8", "int3:g16:asym", "int8:channel", "int5:tensor", "aff4:g8", "fp8:channel",
    "fp8_e5m2:g8", "fp6:mx", "fp4:g16:dense", "nvfp4", "nf4:g8", "dynamic8:g8", "power4:g8",
    "compand4:g8", "kmeans4:tensor", "kmeans2:r5", "kmeans3:g8", "vq4d2:channel", "vq4d4:g8",
    "pvq8k8", "pvq8k16:hadamard", "rex2x4:g8", "dgq4:g8", "split84:k8:g8",
    "rex3x2:g8:s40", "int4:g8:acc14",
    "saq3:s8", "lq3:r4:g8",
  ]
}
