public import ViseCompression
import ViseTensor

/// Treatments that random plans of a study choose from.
public enum StudyOptions {
  /// `count` options of each site, drawn from `all(for:)` without repetition, from mild to harsh.
  public static func drawn(_ count: Int, sites: [Site], seed: UInt64) -> [[Treatment]] {
    var random = RandomSource(seed: seed)
    return sites.map { site in
      all(for: site).shuffled(using: &random).prefix(count).sorted {
        $0.expectedNoise(for: site.shape)
          < $1.expectedNoise(for: site.shape)
      }
    }
  }

  /// Formats of 2 to 8 bits, unstructured pruning of 0.1 to 0.5, ranks of 0.5 to 0.9 of the full
  /// one, as far as `site` can have them; tables that rows are looked up in keep their rank.
  public static func all(for site: Site) -> [Treatment] {
    let formats = DefaultFormat.bitWidths.compactMap { DefaultFormat.asked(bits: $0) }
      .compactMap { DefaultFormat.resolve($0, for: site)?.used }
    let integers = (2...8).compactMap { NumberFormat(name: "int\($0):g64") }
    var treatments = (formats + integers).map { Treatment(format: $0) }
    for tenths in 1...5 {
      treatments.append(Treatment(sparsity: Sparsity(ratio: Double(tenths) / 10)))
    }
    if site.role != .tokenEmbedding {
      for tenths in 5...9 {
        let rank = min(site.rows, site.columns) * tenths / 10
        treatments.append(Treatment(lowRank: LowRank(rank: rank)))
      }
    }
    var seen: Set<Treatment> = []
    return treatments.filter { treatment in
      treatment.problem(for: site) == nil && treatment.format != .ggml(site.stored)
        && seen.insert(treatment).inserted
    }
  }
}
