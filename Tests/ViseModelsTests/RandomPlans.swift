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
}
