import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct EditingTests {
  @Test func digitTreatsTheSelectedLayer() {
    var driver = Driver()
    driver.press("G 3")
    let site = driver.summary.sites[driver.summary.sites.count - 1]
    #expect(driver.state.document.plan[site.name].name == "q3_K")
    #expect(driver.state.document.plan.treatments.count == 1)
  }

  @Test func formatThatDoesNotFitIsReplacedVisibly() throws {
    var driver = Driver()
    driver.press("3")
    let choice = driver.state.document.choice(of: "token_embd.weight")
    #expect(choice.treatment.name == "iq4_NL")
    #expect(choice.asked?.name == "q3_K")
    guard case .edit(let report)? = driver.state.message else {
      Issue.record("no report of the edit")
      return
    }
    #expect(report.substituted == 1)
    #expect(report.reason == "q3_K needs rows divisible by 256, this site's are 576")
  }

  @Test func sizeDeltaIsThatOfTheWholeFile() throws {
    var driver = Driver()
    let before = try #require(driver.state.plannedByteCount)
    driver.press("j 4")
    let after = try #require(driver.state.plannedByteCount)
    guard case .edit(let report)? = driver.state.message else {
      Issue.record("no report of the edit")
      return
    }
    #expect(report.sizeDelta == after - before)
    #expect(after == driver.summary.sizeModel.byteCount(of: driver.state.document.plan))
    #expect(after < before)
  }

  @Test func qualityDeltaComparesPredictionsWithPredictions() throws {
    var driver = Driver()
    driver.press("3")
    let first = try #require(driver.state.figures.quality?.klMean)
    driver.apply(
      .engineReported(
        .quality(
          QualityEstimate(
            klMean: Estimate(value: 0.5, provenance: .measured(tokens: 100, of: 1000))),
          revision: driver.state.revision)))
    driver.press("j 3")
    guard case .edit(let report)? = driver.state.message else {
      Issue.record("no report of the edit")
      return
    }
    #expect(report.klBefore == first)
    #expect(report.klAfter == driver.state.figures.quality?.klMean)
  }

  @Test func editIsRecordedBeforeItIsPredicted() {
    var driver = Driver()
    driver.clearEffects()
    driver.press("5")
    guard driver.effects.count >= 3 else {
      Issue.record("too few effects: \(driver.effects)")
      return
    }
    if case .record(.edited) = driver.effects[0] {} else { Issue.record("journal is not first") }
    #expect(driver.effects[1] == .predict(revision: driver.state.revision))
    if case .send(.evaluate) = driver.effects[2] {} else { Issue.record("engine is not asked") }
  }

  @Test func editWithoutEffectIsRefusedAndNotRecorded() {
    var driver = Driver()
    driver.press("4")
    driver.clearEffects()
    let revision = driver.state.revision
    driver.press("4")
    #expect(driver.effects.isEmpty)
    #expect(driver.state.revision == revision)
    if case .refusal? = driver.state.message {} else { Issue.record("nothing was said") }
  }

  @Test func marksTakeTheEditTogetherAndUndoTogether() {
    var driver = Driver()
    driver.press("space space space 4")
    #expect(driver.state.document.plan.treatments.count == 3)
    driver.press("u")
    #expect(driver.state.document.plan.isEmpty)
    driver.press("C-r")
    #expect(driver.state.document.plan.treatments.count == 3)
  }

  @Test func rangeCoversEveryLayerBetween() {
    var driver = Driver()
    driver.press("j v j j j 2")
    #expect(driver.state.document.plan.treatments.count == 4)
  }

  @Test func dotRepeatsTheLastEditElsewhere() {
    var driver = Driver()
    driver.press("G 6 k .")
    let sites = driver.summary.sites
    #expect(driver.state.document.plan[sites[sites.count - 2].name].format != nil)
  }

  @Test func stepGoesToTheNeighbouringFormatThatFits() {
    var driver = Driver()
    driver.press("j -")
    #expect(driver.state.document.plan["blk.0.attn_q.weight"].name == "q5_1")
    driver.press("-")
    #expect(driver.state.document.plan["blk.0.attn_q.weight"].name == "q5_0")
    driver.press("+ + +")
    #expect(driver.state.document.plan["blk.0.attn_q.weight"].format?.bitsPerWeight == 16)
  }

  @Test func keepRemovesTheTreatment() {
    var driver = Driver()
    driver.press("4 0")
    #expect(driver.state.document.plan.isEmpty)
    #expect(driver.state.document.edits.count == 2)
  }

  @Test func pickerListsEveryFormatWithExactBytes() {
    var driver = Driver()
    driver.press("j f")
    guard case .formats(let picker)? = driver.state.overlay else {
      Issue.record("no format list")
      return
    }
    let site = driver.summary.sites[1]
    #expect(picker.choices.count == FormatGroup.allCases.reduce(1) { $0 + $1.formats.count })
    for choice in picker.choices {
      let used = choice.format.flatMap { DefaultFormat.resolve($0, for: site)?.used }
      #expect(
        choice.byteCount
          == driver.summary.sizeModel.byteCount(of: site, under: Treatment(format: used)))
      #expect((choice.reason != nil) == (used != choice.format))
      #expect((choice.ggufRestriction == nil) == (used?.storageType != nil || used == nil))
    }
  }

  @Test func pickerAppliesItsChoice() {
    var driver = Driver()
    driver.press("j f j j j enter")
    #expect(driver.state.document.plan["blk.0.attn_q.weight"].name == "q8_0")
    #expect(driver.state.overlay == nil)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func undoTakesBackExactlyWhatAnEditDid(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var driver = Driver()
    var plans = [driver.state.document.plan]
    for _ in 0..<40 {
      let keys = ["2", "3", "4", "5", "6", "8", "0", "-", "+", "space", "j j", "k", "A", "."]
      driver.press(keys.randomElement(using: &generator) ?? "j")
      if driver.state.document.edits.count == plans.count {
        plans.append(driver.state.document.plan)
      }
    }
    for plan in plans.dropLast().reversed() {
      driver.press("u")
      #expect(driver.state.document.plan == plan)
    }
    for plan in plans.dropFirst() {
      driver.press("C-r")
      #expect(driver.state.document.plan == plan)
    }
  }
}
