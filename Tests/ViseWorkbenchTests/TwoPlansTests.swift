import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct TwoPlansTests {
  @Test func theSecondPlanBeginsAsACopyAndEachKeepsItsOwnEdits() {
    var driver = Driver()
    driver.press("3")
    let first = driver.state.document.plan
    driver.press("X")
    #expect(driver.state.document.plan == first && driver.state.planNumber == 2)
    driver.press("j 4")
    let second = driver.state.document.plan
    driver.press("X")
    #expect(driver.state.document.plan == first && driver.state.planNumber == 1)
    driver.press("X")
    #expect(driver.state.document.plan == second)
    driver.press("u u")
    #expect(driver.state.document.plan.isEmpty)
    driver.press("X")
    #expect(driver.state.document.plan == first, "undo is of the plan on screen")
  }

  @Test func theTwoAreComparedFirstOfAll() {
    var driver = Driver()
    driver.press("3 X j 4 D")
    #expect(driver.state.comparison?.source == .parked)
    #expect(driver.state.comparison?.differences.map(\.site) == [1])
  }

  @Test func figuresShownAfterASwitchAreOfThePlanOnScreen() {
    var driver = Driver()
    driver.press("2 X j 2")
    let second = driver.state.figures.quality
    driver.press("X")
    #expect(!driver.state.isQualityStale)
    #expect(driver.state.figures.quality != second)
  }

  @Test func journalsBringBothPlansBack() throws {
    var driver = Driver()
    driver.press("3 X j 4 u X j j 5 X C-r")
    let entries = driver.effects.compactMap { effect in
      if case .record(let entry) = effect { entry } else { nil }
    }
    let lines = [JournalEntry.began(fingerprint: "f", path: "p")] + entries
    let text = lines.map { $0.line + "\n" }.joined()
    let journal = try #require(Journal(bytes: Array(text.utf8)))
    var state = WorkbenchState.replaying(journal, on: driver.summary)
    #expect(journal.skippedLineCount == 0)
    #expect(state.document == driver.state.document)
    #expect(state.planNumber == driver.state.planNumber)
    _ = state.apply(.keyPressed(KeyPress("X"), seconds: 0))
    #expect(state.document == driver.state.parked?.document)
  }

  @Test func quittingAsksForThePlanPutAsideToo() {
    var driver = Driver()
    driver.press("X 3 X q")
    #expect(driver.state.overlay == .quit)
  }
}
