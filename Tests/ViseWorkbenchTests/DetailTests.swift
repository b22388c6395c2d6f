import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct DetailTests {
  private func inspections(_ driver: Driver) -> [EngineRequest] {
    driver.effects.compactMap { effect in
      guard case .send(let request) = effect else { return nil }
      switch request {
      case .inspect, .endInspection: return request
      default: return nil
      }
    }
  }

  @Test func openingAsksForTheSelectedLayerAndLeavingEndsIt() {
    var driver = Driver()
    driver.press("j i esc")
    #expect(inspections(driver) == [.inspect(site: 1, treatment: .keep), .endInspection])
    #expect(!driver.state.isDetailOpen)
  }

  @Test func movingAndEditingAskAnew() {
    var driver = Driver()
    driver.press("j enter j ] u")
    let pruned = Treatment(sparsity: Sparsity(ratio: 0.05))
    #expect(
      inspections(driver) == [
        .inspect(site: 1, treatment: .keep), .inspect(site: 2, treatment: .keep),
        .inspect(site: 2, treatment: pruned), .inspect(site: 2, treatment: .keep),
      ])
  }

  @Test func figuresOfAnotherLayerAreIgnored() {
    var driver = Driver()
    driver.answersInspections = false
    driver.press("j i")
    let other = FixtureModel.inspection(of: driver.summary.sites[2], under: .keep)
    driver.apply(.engineReported(.inspected(other)))
    #expect(driver.state.inspection?.result == nil)
    driver.apply(
      .engineReported(.inspectionFailed(site: 1, treatment: .keep, reason: "no memory")))
    #expect(driver.state.inspection?.problem == "no memory")
  }

  @Test func onlyTheLayerLookedAtIsEdited() {
    var driver = Driver()
    driver.press("space space j i 4")
    #expect(Set(driver.state.document.plan.treatments.keys) == ["blk.0.attn_v.weight"])
  }

  @Test func dialogsOpenedFromItReturnToIt() {
    var driver = Driver()
    driver.press("j i f j j enter")
    #expect(driver.state.isDetailOpen && driver.state.overlay == nil)
    #expect(driver.state.inspection?.treatment == driver.state.document.plan["blk.0.attn_q.weight"])
    driver.press("q")
    #expect(!driver.state.isDetailOpen)
  }
}
