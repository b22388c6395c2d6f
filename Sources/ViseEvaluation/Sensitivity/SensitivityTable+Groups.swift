extension SensitivityTable {
  /// A row a group, with the columns that hold anything, the most sensitive group first.
  ///
  /// - Parameter tokenCount: tokens divergences were measured on.
  public init(groups: [SensitivityGroup], tokenCount: Int?) {
    let totals = Dictionary(grouping: groups, by: \.option).mapValues { group in
      group.compactMap(\.klSum).reduce(0, +)
    }
    let probe = tokenCount.map { "measured on \($0) probe tokens" } ?? "not measured"
    let figures: [(Column, (SensitivityGroup) -> Cell?)] = [
      (Self.column("group", "role or block"), { .text($0.name) }),
      (Self.column("treatment", "what its sites are asked to take"), { .text($0.option) }),
      (Self.column("sites", "sites it changes"), { .count($0.siteCount) }),
      (Self.column("bytes", "of them, as stored"), { .count($0.byteCount) }),
      (Self.column("saved_bytes", "bytes it saves"), { .count($0.savedByteCount) }),
      (
        Self.column("noise_share", "noise power over weight power"),
        { $0.signalPower > 0 ? .number($0.noisePower / $0.signalPower) : nil }
      ),
      (
        Self.column("output_error", "sum over sites", "measured on calibration text"),
        { $0.outputError.map { .number($0) } }
      ),
      (
        Self.column("kl_sum", "sum of KL of sites treated alone, nats", probe),
        { $0.klSum.map { .number($0) } }
      ),
      (
        Self.column("kl_share", "of the sum over all groups", probe),
        { group in
          let total = totals[group.option] ?? 0
          return group.klSum.flatMap { total > 0 ? .number($0 / total) : nil }
        }
      ),
      (
        Self.column("kl_per_saved_byte", "kl_sum over saved_bytes, nats", probe),
        { group in
          let saved = Double(group.savedByteCount)
          return group.klSum.flatMap { saved > 0 ? .number($0 / saved) : nil }
        }
      ),
      (
        Self.column("worst_site", "most KL; else output error; else noise share"),
        { $0.worstSite.map { .text($0) } }
      ),
    ]
    let kept = figures.filter { figure in groups.contains { figure.1($0) != nil } }
    self.init(
      columns: kept.map(\.0), rows: groups.map { group in kept.map { $0.1(group) } })
    guard let order = column("kl_sum") ?? column("output_error") ?? column("noise_share")
    else { return }
    sort(by: order)
  }

  private static func column(
    _ key: String, _ meaning: String, _ provenance: String = "exact"
  ) -> Column {
    Column(option: nil, key: key, meaning: meaning, provenance: provenance, isBrief: true)
  }
}
