import ViseCompression
import ViseFormats

/// Finds the sites among a checkpoint's tensors, by their canonical names.
enum SiteCatalog {
  /// The sites in the order of the data's path: embedding, blocks, output.
  static func sites(tensors: [TensorRecord], names: WeightNames, transposed: Set<String>) -> [Site]
  {
    let records = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    let found = names.all.compactMap { canonical, key -> (Place, TensorRecord)? in
      guard let place = Place(canonical: canonical), let record = records[key] else { return nil }
      return record.shape.count == 2 ? (place, record) : nil
    }
    // Two keys such as `blk.1.…` and `blk.01.…` have one place; their names decide.
    let ordered = found.sorted { ($0.0, $0.1.name) < ($1.0, $1.1.name) }
    return ordered.enumerated().map { index, pair in
      let (place, record) = pair
      let isTransposed = transposed.contains(record.name)
      return Site(
        index: index, name: record.name, role: place.role, block: place.block,
        rows: record.shape[isTransposed ? 1 : 0], columns: record.shape[isTransposed ? 0 : 1],
        stored: record.type)
    }
  }

  /// Where a canonical name such as `blk.3.ffn_down.weight` puts a weight.
  private struct Place: Comparable {
    let role: SiteRole
    let block: Int?

    init?(canonical: String) {
      let parts = canonical.split(separator: ".")
      guard parts.last == "weight" else { return nil }
      if parts.count == 4, parts[0] == "blk", let block = Int(parts[1]),
        let role = SiteRole(rawValue: String(parts[2]))
      {
        self.role = role
        self.block = block
      } else if parts.count == 2, let role = SiteRole(rawValue: String(parts[0])),
        role == .tokenEmbedding || role == .output
      {
        self.role = role
        block = nil
      } else {
        return nil
      }
    }

    private var order: (Int, Int) {
      let position = SiteRole.allCases.firstIndex(of: role) ?? 0
      if let block { return (block, position) }
      return (role == .tokenEmbedding ? -1 : Int.max, position)
    }

    static func < (a: Place, b: Place) -> Bool { a.order < b.order }
  }
}
