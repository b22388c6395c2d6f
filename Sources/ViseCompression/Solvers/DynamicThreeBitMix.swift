import ViseTensor

/// ggml's three-bit types with more bits for the first and for every fifth down projection: DQ3_K_M.
///
/// Zhao et al., "Quantitative Analysis of Performance Drop in DeepSeek Model Quantization"
/// (arXiv:2505.02390, section 3): super weights sit in down projections, the first two of which get
/// q6_K, and of the others, counted from 0, those at a multiple of five q4_K, the rest q3_K; in their
/// model of 58 expert layers that is 3.4 %, 20.7 % and 75.9 %. Where they follow llama.cpp's
/// Q3_K_M, so does this: q6_K for the output, q5_K for the values of the first two blocks and q4_K for the
/// others', q4_K for the output projections of attention, q3_K for all else.
public struct DynamicThreeBitMix: Sendable {
  public init() {}

  /// A format for each of `sites`, in their order: the mix's, or what stands in where rows do not
  /// hold it.
  public func formats(for sites: [Site]) -> [NumberFormat] {
    let downs = sites.filter { $0.role == .ffnDown }.compactMap(\.block).sorted()
    let places = Dictionary(downs.enumerated().map { ($1, $0) }, uniquingKeysWith: { a, _ in a })
    return sites.map { site in
      let wanted = NumberFormat.ggml(type(of: site, down: site.block.flatMap { places[$0] }))
      return DefaultFormat.resolve(wanted, for: site)?.used ?? .ggml(.f16)
    }
  }

  private func type(of site: Site, down place: Int?) -> StorageType {
    switch site.role {
    case .ffnDown:
      guard let place, place >= 2 else { return .q6_K }
      return (place - 2) % 5 == 0 ? .q4_K : .q3_K
    case .output: return .q6_K
    case .attentionValue: return (site.block ?? 0) < 2 ? .q5_K : .q4_K
    case .attentionOutput: return .q4_K
    default: return .q3_K
    }
  }
}
