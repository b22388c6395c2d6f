import Testing
import ViseCompression
import ViseTensor

/// Two blocks: 64 neurons, 2 groups of 2 heads of 8, width 32.
private func sites(bias: Bool = false) -> [Site] {
  var sites: [Site] = []
  for block in 0..<2 {
    let neurons = ChannelGroup(unit: 1, count: 128, canGo: !bias)
    let heads = ChannelGroup(unit: 16, count: 2, canGo: !bias)
    func add(
      _ role: SiteRole, _ rows: Int, _ columns: Int, channels: ChannelGroup? = nil,
      feeds leader: SiteRole? = nil, _ rowsPerUnit: Int = 1
    ) {
      let link = leader.map {
        ChannelLink(
          leader: "\(block).\($0.rawValue)", group: $0 == .ffnDown ? neurons : heads,
          rowsPerUnit: rowsPerUnit)
      }
      sites.append(
        Site(
          index: sites.count, name: "\(block).\(role.rawValue)", role: role, block: block,
          rows: rows, columns: columns, stored: .f16, channels: channels, rowLink: link))
    }
    add(.attentionQuery, 32, 32, feeds: .attentionOutput, 16)
    add(.attentionKey, 16, 32, feeds: .attentionOutput, 8)
    add(.attentionOutput, 32, 32, channels: heads)
    add(.ffnGate, 128, 32, feeds: .ffnDown)
    add(.ffnDown, 32, 128, channels: neurons)
  }
  return sites
}

private func treatment(_ name: String) throws -> Treatment { try #require(Treatment(name: name)) }

@Test(arguments: [
  "prune=0.25 pattern=channels", "prune=1.0 pattern=channels method=wanda",
  "prune=0.5 pattern=channels rank=8 format=int4:g32 method=maw+gptq",
])
func channelTreatmentsReadBackFromTheirNames(name: String) throws {
  #expect(try treatment(name).name == name)
}

@Test(arguments: ["pattern=channels", "prune=1", "prune=1.1 pattern=channels"])
func sharesOfChannelsMustBeSaidAndOnlyChannelsGoAltogether(name: String) {
  #expect(Treatment(name: name) == nil)
}

@Test func whatChannelsCannotDoIsRefusedWithItsReason() throws {
  func problem(_ name: String, _ site: Int, bias: Bool = false) throws -> String? {
    try treatment(name).problem(for: sites(bias: bias)[site])
  }
  #expect(try problem("prune=0.25 pattern=channels", 4) == nil)
  #expect(
    try problem("prune=0.25 pattern=channels", 3)
      == "channels go whole only where other layers make them: of ffn_down and attn_output")
  #expect(
    try problem("prune=0.25 pattern=channels method=sparsegpt", 4)
      == "sparsegpt chooses single weights, not whole channels")
  #expect(
    try problem("prune=0.25 method=maw", 4)
      == "maw chooses whole channels: it needs pattern=channels")
  #expect(
    try problem("prune=0.5 pattern=channels method=maw", 2) == "maw judges neurons, not heads")
  #expect(
    try problem("prune=0.1 pattern=channels", 4)
      == "of 128 neurons, in steps of 32, that removes none")
  #expect(
    try problem("prune=1 pattern=channels", 4, bias: true)
      == "with all channels gone its bias would remain")
  #expect(try problem("prune=1 pattern=channels", 4) == nil)
  // What is left has 96 columns.
  #expect(
    try problem("prune=0.25 pattern=channels format=int4:g64", 4)
      == (try treatment("format=int4:g64").problem(for: WeightShape(rows: 32, columns: 96))))
}

@Test func thePartnersOfAPrunedSiteBecomeSmallerWithIt() throws {
  let sites = sites()
  var plan = Plan()
  plan["0.ffn_down"] = try treatment("prune=0.25 pattern=channels format=q8_0")
  plan["1.attn_output"] = try treatment("prune=0.5 pattern=channels")
  plan["1.attn_k"] = try treatment("q8_0")
  let shapes = sites.map { site in
    (plan.change(of: site)?.reduced(site) ?? site).rows * 1000
      + (plan.change(of: site)?.reduced(site) ?? site).columns
  }
  #expect(
    shapes == [
      32_032, 16_032, 32_032, 96_032, 32_096, 16_032, 8_032, 32_016, 128_032, 32_128,
    ])
  #expect(plan.change(of: sites[3])?.byteCount(for: sites[3]) == 96 * 32 * 2)
  #expect(plan.change(of: sites[6])?.byteCount(for: sites[6]) == 8 * 34)
  #expect(plan.ownChange(of: sites[3]) == nil)
  // Keys that hold a treatment tell plans apart that change only the partner.
  var other = plan
  other["0.ffn_down"] = try treatment("prune=0.25 pattern=channels format=q8_0 method=wanda")
  #expect(plan.change(of: sites[3]) != other.change(of: sites[3]))
  #expect(plan.change(of: sites[8]) == other.change(of: sites[8]))
}

@Test func treatmentsInAPlanKnowNothingOfOtherSites() throws {
  let sites = sites()
  var plan = Plan()
  plan["0.ffn_down"] = try treatment("prune=0.25 pattern=channels")
  let cut = try #require(plan.change(of: sites[3]))
  #expect(cut.name == "keep")
  #expect(Plan(treatments: ["0.ffn_gate": cut]).isEmpty)
  plan["0.ffn_gate"] = cut
  #expect(plan["0.ffn_gate"] == .keep)
}

@Test func structuresAreUniformOrNameTheLayersThatAreNot() throws {
  let sites = sites()
  func structure(_ treatments: [String: String]) throws -> PlanStructure {
    PlanStructure(of: Plan(treatments: try treatments.mapValues(treatment)), sites: sites)
  }
  #expect(try structure(["0.ffn_gate": "q8_0"]).isUnchanged)
  let quarter = "prune=0.25 pattern=channels"
  let all = "prune=1 pattern=channels"
  let uniform = try structure(["0.ffn_down": quarter, "1.ffn_down": quarter])
  #expect(uniform.neurons == 96 && uniform.headGroups == nil && uniform.misfits.isEmpty)
  let uneven = try structure(["0.ffn_down": quarter])
  #expect(uneven.misfits.map(\.site) == ["0.ffn_down"])
  #expect(
    uneven.misfits.first?.reason
      == "all blocks must keep equally many neurons, they would keep 96, 128")
  let dropped = try structure(["0.ffn_down": all, "0.attn_output": all])
  #expect(dropped.removedBlocks == [0] && dropped.misfits.isEmpty)
  #expect(dropped.renumbered(1) == 0)
  let mixed = try structure(["0.ffn_down": all, "0.attn_output": all, "1.ffn_down": quarter])
  #expect(mixed.removedBlocks == [0] && mixed.neurons == 96)
  let none = try structure(
    ["0.ffn_down": all, "0.attn_output": all, "1.ffn_down": all, "1.attn_output": all])
  #expect(none.misfits.count == 4)
  #expect(try structure(["0.ffn_down": all]).misfits.map(\.site) == ["0.ffn_down"])
}

@Test func droppingBlocksPrunesAllThatLeavesThem() throws {
  let sites = sites()
  var plan = Plan()
  plan["1.ffn_gate"] = try treatment("q8_0")
  plan["0.ffn_gate"] = try treatment("q8_0")
  let dropped = try plan.dropping(blocks: [1], of: sites)
  #expect(PlanStructure(of: dropped, sites: sites).removedBlocks == [1])
  #expect(dropped["1.ffn_gate"] == .keep)
  #expect(dropped["0.ffn_gate"] == plan["0.ffn_gate"])
  #expect(throws: BlockDropError.nothingWouldRemain) {
    try plan.dropping(blocks: [0, 1], of: sites)
  }
  #expect(throws: BlockDropError.notRemovable(block: 0)) {
    try plan.dropping(blocks: [0], of: CompressionSites.withBiases)
  }
}

private enum CompressionSites {
  static let withBiases = sites(bias: true)
}
