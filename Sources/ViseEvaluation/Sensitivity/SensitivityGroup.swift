import ViseCompression
import ViseEstimates

/// What sites are put together by.
public enum SensitivityGrouping: String, CaseIterable, Sendable {
  case site, role, block
}

/// Sites of one role or block under one option: why a model suffers where it does.
///
/// Divergences are of sites treated alone. Their sum says where a model is sensitive; treating all of
/// them at once costs another amount.
public struct SensitivityGroup: Sendable {
  public let name: String
  public let option: String
  /// Sites the option changes.
  public let siteCount: Int
  public let byteCount: Int
  public let savedByteCount: Int
  public let noisePower: Double
  public let signalPower: Double
  /// Sums over sites; `nil` where no site has the figure.
  public let outputError: Double?
  public let klSum: Double?
  /// The site with the most divergence; without a text the most output error, or share of noise.
  public let worstSite: String?

  /// The groups of `reports` under option `index`, in the order their first sites have.
  public static func groups(
    of reports: [SiteReport], option index: Int, named option: String,
    by grouping: SensitivityGrouping
  ) -> [SensitivityGroup] {
    var order: [String] = []
    var members: [String: [SiteReport]] = [:]
    for report in reports where report.options[index] != nil {
      let name = name(of: report, by: grouping)
      if members[name] == nil { order.append(name) }
      members[name, default: []].append(report)
    }
    return order.map { SensitivityGroup($0, option, members[$0] ?? [], index) }
  }

  private static func name(of report: SiteReport, by grouping: SensitivityGrouping) -> String {
    switch grouping {
    case .site: report.site.name
    case .role: report.site.role.rawValue
    case .block: report.site.block.map { "block \($0)" } ?? "outside blocks"
    }
  }

  private init(_ name: String, _ option: String, _ reports: [SiteReport], _ index: Int) {
    let entries = reports.compactMap { report in report.options[index].map { (report, $0) } }
    func sum(_ value: (OptionReport) -> Double?) -> Double? {
      let values = entries.compactMap { value($0.1) }
      return values.isEmpty ? nil : values.reduce(0, +)
    }
    self.name = name
    self.option = option
    siteCount = entries.count
    byteCount = entries.reduce(0) { $0 + $1.0.byteCount }
    savedByteCount = entries.reduce(0) { $0 + $1.0.byteCount - $1.1.byteCount }
    noisePower = sum(\.noisePower) ?? 0
    signalPower = sum(\.signalPower) ?? 0
    outputError = sum(\.outputError)
    klSum = sum { $0.klMean?.value }
    let figure: (OptionReport) -> Double? =
      klSum != nil
      ? { $0.klMean?.value } : outputError != nil ? { $0.outputError } : { $0.noiseShare }
    worstSite = entries.max { (figure($0.1) ?? -1) < (figure($1.1) ?? -1) }?.0.site.name
  }
}
