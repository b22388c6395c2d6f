import ViseCompression
import ViseTensor

/// Finds what compressed-tensors and the runtimes that read it cannot hold, before any work.
struct CompressedTensorsCheck {
  let model: Model

  typealias Scheme = CompressedTensorsLayout.Scheme

  func misfits(of plan: Plan) -> [ExportMisfit] {
    let own = model.sites.compactMap { site -> ExportMisfit? in
      guard let treatment = plan.change(of: site) else { return nil }
      return reason(site, treatment).map {
        ExportMisfit(site: site.name, treatment: treatment.name, reason: $0)
      }
    }
    return own + fusionMisfits(of: plan)
  }

  private func reason(_ site: Site, _ treatment: Treatment) -> String? {
    if let problem = treatment.problem(for: site) { return problem }
    if treatment.form != .whole { return "compressed-tensors has no factorized layers" }
    let format = treatment.storedFormat(for: site)
    let site = treatment.reduced(site)
    if format == .ggml(.f16) || format == .ggml(.bf16) { return nil }
    guard let scheme = Scheme(format) else {
      return "compressed-tensors packs int4 and int8 per channel or group, not \(format.name)"
    }
    if model.architecture == "gpt2" {
      return "gpt2's weights are no linear layers to compressed-tensors"
    }
    if site.role == .tokenEmbedding { return "vLLM reads no quantized embeddings" }
    if let group = scheme.group, site.columns % group != 0 {
      return "groups of \(group) do not divide rows of \(site.columns)"
    }
    let perWord = 32 / scheme.bits
    if site.columns % perWord != 0 {
      return "rows of \(site.columns) are no whole words of \(perWord) codes"
    }
    if !scheme.isSymmetric, site.rows % perWord != 0 {
      return "\(site.rows) rows of zero points are no whole words of \(perWord)"
    }
    return nil
  }

  /// Layers vLLM joins into one, which must therefore share a scheme.
  private static let fusions: [(roles: Set<SiteRole>, name: String)] = [
    ([.attentionQuery, .attentionKey, .attentionValue], "queries, keys and values"),
    ([.ffnGate, .ffnUp], "gate and up projection"),
  ]

  private func fusionMisfits(of plan: Plan) -> [ExportMisfit] {
    var misfits: [ExportMisfit] = []
    for block in Set(model.sites.compactMap(\.block)).sorted() {
      for fusion in Self.fusions {
        let sites = model.sites.filter { $0.block == block && fusion.roles.contains($0.role) }
        let schemes = sites.map { plan.change(of: $0)?.format.flatMap(Scheme.init) }
        guard Set(schemes).count > 1 else { continue }
        misfits += sites.map {
          ExportMisfit(
            site: $0.name, treatment: plan[$0.name].name,
            reason: "vLLM joins \(fusion.name) of a block, which must share one scheme")
        }
      }
    }
    return misfits
  }
}
