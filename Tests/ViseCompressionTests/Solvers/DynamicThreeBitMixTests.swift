import Testing
import ViseCompression
import ViseTensor

private func site(_ index: Int, _ role: SiteRole, block: Int?, columns: Int = 512) -> Site {
  Site(
    index: index, name: "\(role.rawValue).\(block ?? -1)", role: role, block: block, rows: 512,
    columns: columns, stored: .f16)
}

@Test func downProjectionsHaveTheSharesThePaperNames() {
  let sites = (0..<58).map { site($0, .ffnDown, block: $0 + 3) }
  let names = DynamicThreeBitMix().formats(for: sites).map(\.name)
  func share(_ name: String) -> Double {
    (Double(names.count { $0 == name }) / 58 * 1000).rounded() / 10
  }
  #expect(share("q6_K") == 3.4 && share("q4_K") == 20.7 && share("q3_K") == 75.9)
  #expect(names[0] == "q6_K" && names[1] == "q6_K" && names[57] == "q4_K")
}

@Test func otherLayersAreThoseOfQ3KMAndMisfitsTakeWhatHoldsThem() {
  let sites = [
    site(0, .tokenEmbedding, block: nil), site(1, .attentionValue, block: 1),
    site(2, .attentionValue, block: 2), site(3, .attentionOutput, block: 2),
    site(4, .attentionQuery, block: 2), site(5, .output, block: nil),
    site(6, .ffnUp, block: 0, columns: 576),
  ]
  let formats = DynamicThreeBitMix().formats(for: sites)
  #expect(
    formats.dropLast().map(\.name) == ["q3_K", "q5_K", "q4_K", "q4_K", "q3_K", "q6_K"])
  #expect(formats.last?.misfit(columns: 576) == nil && formats.last?.name != "q3_K")
}
