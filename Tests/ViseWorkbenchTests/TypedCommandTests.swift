import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct TypedCommandTests {
  private func bits(_ driver: Driver, _ part: String) -> Set<String> {
    Set(
      driver.state.sites.filter { $0.name.contains(part) }.map {
        driver.state.document.plan[$0.name].name
      })
  }

  private func driver(_ command: String) -> Driver {
    var driver = Driver()
    driver.press(":")
    driver.type(command)
    driver.press("enter")
    return driver
  }

  @Test(arguments: ["bits *ffn_down* 4", "bits 'blk.*.ffn_down.weight' 4", "bits ffn_down 4"])
  func patternsTreatAllLayersTheyFitAsOneEdit(command: String) {
    var direct = Driver()
    direct.press("/")
    direct.type("ffn_down")
    direct.press("enter a 4")
    let typed = driver(command)
    #expect(typed.state.overlay == nil)
    #expect(typed.state.document.plan == direct.state.document.plan)
    #expect(!typed.state.document.plan.isEmpty)
    #expect(typed.state.document.edits.count == 1)
  }

  @Test func exclamationMarkLeavesOut() {
    let driver = driver("bits ffn_down !blk.0.* 4")
    let kept = driver.state.sites.filter { $0.name.contains("ffn_down") && $0.block == 0 }
    #expect(!kept.isEmpty)
    for site in kept { #expect(driver.state.document.plan[site.name] == .keep) }
    #expect(driver.state.document.edits.first?.changes.count == 3)
  }

  @Test func eachVerbEditsAsItsKeyDoes() {
    #expect(bits(driver("prune attn_q 30%"), "attn_q") == ["prune=0.3"])
    #expect(bits(driver("format attn_q q6_K"), "attn_q").count == 1)
    #expect(bits(driver("treat attn_q prune=0.3,rank=16"), "attn_q").count == 1)
    #expect(driver("mark attn_q").state.list.marks.count == 4)
    #expect(driver("keep attn_q").state.document.plan.isEmpty)
  }

  @Test func fittingIsOneCommand() {
    var direct = Driver()
    direct.limit("75%", then: "F")
    let typed = driver("fit 75%")
    #expect(typed.state.overlay == nil && !typed.state.limits.isEmpty)
    #expect(typed.state.limits == direct.state.limits)
    #expect(typed.effects.contains(.fit(base: Plan(), limits: direct.state.limits)))
  }

  @Test(arguments: [
    "fit lots", "fit 60 parrots", "bits ffn_down", "bits ffn_down 17", "bits nowhere 4",
    "prune attn_q lots",
    "format attn_q q9", "rank attn_q",
  ])
  func whatCannotBeDoneStaysInTheFieldWithItsReason(command: String) {
    let driver = driver(command)
    guard case .palette? = driver.state.overlay, case .refusal? = driver.state.message else {
      Issue.record("\(command): \(String(describing: driver.state.message))")
      return
    }
    #expect(driver.state.document.plan.isEmpty)
  }

  @Test func treatmentIsTakenAndPutOnMarkedLayers() {
    var driver = Driver()
    driver.press("j 4 c j space space V")
    let names = driver.state.sites[1...3].map { driver.state.document.plan[$0.name].name }
    #expect(Set(names).count == 1)
    #expect(driver.state.document.edits.count == 2)
  }

  @Test func costliestLayerLosesMostForEachByteSaved() throws {
    var driver = Driver()
    driver.press("a 4 A g c")
    let found = try #require(driver.state.costliest)
    #expect(driver.state.list.selected == found.site.index)
    let most = found.kl.value / Double(found.savedByteCount)
    for site in driver.state.sites {
      let treatment = driver.state.document.plan[site.name]
      guard let kl = driver.state.sensitivities[site.index]?[treatment] else { continue }
      let saved =
        driver.summary.sizeModel.byteCount(of: site, in: .init())
        - driver.state.byteCount(of: site)
      if saved > 0 { #expect(kl.value / Double(saved) <= most + 1e-15, "\(site.name)") }
    }
  }

  @Test func layersLikeTheSelectedOneAreMarked() {
    var driver = Driver()
    driver.press("j g m")
    let roles = Set(driver.state.list.marks.map { driver.state.sites[$0].role })
    #expect(roles.count == 1)
    #expect(driver.state.list.marks.count == 4)
  }
}
