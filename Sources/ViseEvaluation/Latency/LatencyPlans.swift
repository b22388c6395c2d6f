public import ViseCompression
import ViseTensor

/// Random plans whose speeds differ, for runs that predictions are held against.
///
/// Each treats between 20 and 100 % of the sites and leans to small or large formats by a draw of its
/// own.
public enum LatencyPlans {
  /// Plans of the formats the digit keys choose, and ranks of half the full one.
  static func common(_ count: Int, sites: [Site], seed: UInt64) -> [Plan] {
    plans(count, sites: sites, seed: seed) { site in
      DefaultFormat.bitWidths.compactMap(DefaultFormat.asked(bits:))
        .compactMap { DefaultFormat.resolve($0, for: site)?.used }
    }
  }

  /// Plans of all formats Vise can write, and ranks of half the full one.
  public static func all(_ count: Int, sites: [Site], seed: UInt64) -> [Plan] {
    plans(count, sites: sites, seed: seed) { _ in NumberFormat.encodable.map { .ggml($0) } }
  }

  private static func plans(
    _ count: Int, sites: [Site], seed: UInt64, formats: (Site) -> [NumberFormat]
  ) -> [Plan] {
    let options = sites.map { site in
      var treatments = Set(formats(site)).map { Treatment(format: $0) }
      let rank = min(site.rows, site.columns) / 64 * 32
      if rank > 0, site.role != .tokenEmbedding {
        treatments.append(Treatment(lowRank: LowRank(rank: rank), format: .ggml(.q8_0)))
      }
      return treatments.filter {
        $0.problem(for: site) == nil && $0.format != .ggml(site.stored)
      }.sorted { bytes($0, site) > bytes($1, site) }
    }
    return PredictorStudy.plans(count, sites: sites, options: options, seed: seed)
  }

  /// Bytes, and the format's name where those are equal.
  private static func bytes(_ treatment: Treatment, _ site: Site) -> (Int, String) {
    (treatment.byteCount(for: site) ?? 0, treatment.format?.name ?? "")
  }
}
