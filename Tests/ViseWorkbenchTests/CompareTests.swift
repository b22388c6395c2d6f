import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct CompareTests {
  @Test func differencesAreTheLayersTheTwoPlansTreatDifferentlyLargestFirst() throws {
    var driver = Driver()
    driver.press("3 D l")
    let comparison = try #require(driver.state.comparison)
    #expect(comparison.source == .preset("Q4_K_M"))
    let other = try #require(comparison.plan)
    let own = driver.state.document.plan
    let differing = driver.summary.sites.filter { own[$0.name] != other[$0.name] }.map(\.index)
    #expect(Set(comparison.differences.map(\.site)) == Set(differing))
    let sizes = comparison.differences.map(\.byteDelta.magnitude)
    #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 >= $1 })
    let total = comparison.differences.reduce(0) { $0 + $1.byteDelta }
    let sizeModel = driver.summary.sizeModel
    #expect(
      total == sizeModel.byteCount(of: own) - sizeModel.byteCount(of: other),
      "fixture sites need no padding, so parts add up to the file")
    #expect(comparison.byteCount == sizeModel.byteCount(of: other))
  }

  @Test func takingALayerIsOneEditThatRemovesItFromTheDifferences() throws {
    var driver = Driver()
    driver.press("3 D l")
    let before = try #require(driver.state.comparison)
    let site = try #require(before.selected?.site)
    let name = driver.summary.sites[site].name
    driver.press("t")
    let after = try #require(driver.state.comparison)
    #expect(after.differences.count == before.differences.count - 1)
    #expect(driver.state.document.plan[name] == before.plan?[name])
    #expect(driver.state.document.edits.last?.origin == .hand)
    driver.press("u")
    #expect(driver.state.comparison?.differences == before.differences)
  }

  @Test func enterAdoptsTheOtherPlanWhole() {
    var driver = Driver()
    driver.press("3 D l l enter")
    #expect(driver.state.document.plan == SearchFixture.plan(0.5, driver.summary))
    #expect(driver.state.comparison?.differences.isEmpty == true)
    #expect(driver.state.document.edits.last?.label == "Q2_K")
  }

  @Test func aMeasuredPlanKeepsItsMeasuredQuality() throws {
    var driver = Driver()
    driver.press("3 g p")
    driver.reportMeasuredPlans()
    driver.press("l l m")
    let comparison = try #require(driver.state.comparison)
    guard case .measured(let measured) = comparison.source else {
      Issue.record("compared with \(comparison.source)")
      return
    }
    #expect(comparison.quality?.klMean == measured.klMean)
    #expect(comparison.latency != nil)
    driver.press("esc")
    #expect(driver.state.page == .frontier)
  }

  @Test func aFileThatCannotBeReadIsSaidAndKeepsNothingOfThePlanBefore() throws {
    var driver = Driver()
    driver.press("3 D f")
    driver.type("missing.toml")
    driver.press("enter")
    let comparison = try #require(driver.state.comparison)
    #expect(comparison.problem == "missing.toml: no such file")
    #expect(comparison.plan == nil && comparison.differences.isEmpty)
    driver.press("enter")
    #expect(driver.state.message == .refusal("missing.toml: no such file"))
  }

  @Test func answersForAPlanNoLongerAskedForAreIgnored() {
    var driver = Driver()
    driver.press("D")
    driver.apply(.planFound(.preset("Q2_K"), .found(SearchFixture.plan(0.5, driver.summary))))
    #expect(driver.state.comparison?.source == .loaded)
    #expect(driver.state.comparison?.plan == Plan())
  }

  @Test(arguments: [
    (1.0, 2.0, 2.5, 3.0, PlanComparison.Verdict.apart), (1, 2, 1.5, 3, .overlap),
    (4, 5, 1, 3, .apart), (1, 2, 2, 3, .overlap),
  ])
  func figuresAreToldApartWhereTheirIntervalsDoNotMeet(
    from: Double, to: Double, otherFrom: Double, otherTo: Double, verdict: PlanComparison.Verdict
  ) {
    func estimate(_ lower: Double, _ upper: Double) -> Estimate {
      Estimate(
        value: lower, interval: Interval(lower: lower, upper: upper, level: 0.9),
        provenance: .predicted(tokens: 1))
    }
    #expect(
      PlanComparison.verdict(estimate(from, to), estimate(otherFrom, otherTo)) == verdict)
    let bare = Estimate(value: from, provenance: .predicted(tokens: 1))
    #expect(PlanComparison.verdict(bare, estimate(otherFrom, otherTo)) == nil)
  }
}
