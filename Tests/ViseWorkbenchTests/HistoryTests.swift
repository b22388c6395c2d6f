import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct HistoryTests {
  @Test func anEditAfterUndoBeginsABranchAndTheOldOneStays() {
    var driver = Driver()
    driver.press("3 j 4")
    let old = driver.state.document.plan
    driver.press("u j 2")
    let new = driver.state.document.plan
    #expect(driver.state.document.parent(of: 3) == 1)
    driver.press("H j enter")
    #expect(driver.state.document.plan == old)
    driver.press("k enter")
    #expect(driver.state.document.plan == new)
    #expect(driver.state.document.stateCount == 3)
  }

  @Test func undoAfterAJumpGoesToTheStateTheBranchWasMadeFrom() {
    var driver = Driver()
    driver.press("3")
    let first = driver.state.document.plan
    driver.press("j 4 u j 2 H j enter esc u")
    #expect(driver.state.document.plan == first)
    driver.press("C-r")
    #expect(driver.state.document.position == 2, "redo follows the branch that was left")
  }

  @Test func namesAreShownKeptInTheJournalAndTakenAway() {
    var driver = Driver()
    driver.press("3 H n")
    driver.type("good")
    driver.press("enter")
    #expect(driver.state.title(ofState: 1) == "good")
    #expect(driver.effects.last == .record(.named(state: 1, name: "good")))
    driver.press("n C-u enter")
    #expect(driver.state.title(ofState: 1) == "state 1")
  }

  @Test func aStateCanBeComparedWithTheOneThePlanIsIn() {
    var driver = Driver()
    driver.press("3 j 4 H j m")
    #expect(driver.state.page == .compare)
    #expect(driver.state.comparison?.differences.map(\.site) == [1])
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func replayOfAJournalLeadsToTheSameTree(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var driver = Driver()
    var plans: [Int: Plan] = [0: Plan()]
    for _ in 0..<60 {
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: driver.press("u")
      case 1: driver.press("C-r")
      case 2:
        let state = Int.random(in: 0...driver.state.document.stateCount, using: &generator)
        driver.press("H")
        guard driver.state.page == .history else { break }
        driver.press("G")
        for _ in 0..<state { driver.press("k") }
        driver.press("enter esc")
        #expect(driver.state.document.position == state, "seed \(seed)")
      default:
        driver.press("j \([2, 3, 4, 0].randomElement(using: &generator) ?? 3)")
      }
      let document = driver.state.document
      let known = plans[document.position]
      #expect(known == nil || known == document.plan, "seed \(seed)")
      plans[document.position] = document.plan
    }
    let entries = driver.effects.compactMap { effect in
      if case .record(let entry) = effect { entry } else { nil }
    }
    let lines = [JournalEntry.began(fingerprint: "f", path: "p")] + entries
    let text = lines.map { $0.line + "\n" }.joined()
    let journal = try #require(Journal(bytes: Array(text.utf8)))
    #expect(journal.skippedLineCount == 0, "seed \(seed)")
    #expect(journal.document(for: driver.summary.sites) == driver.state.document, "seed \(seed)")
  }

  @Test func statesThatAreNotThereAreRefused() {
    var document = Document()
    #expect(!document.jump(to: 1) && !document.jump(to: -1) && !document.jump(to: .max))
    document.name(7, "x")
    #expect(document.names.isEmpty)
  }
}
