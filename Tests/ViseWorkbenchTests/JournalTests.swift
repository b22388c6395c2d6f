import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct JournalTests {
  private func journal(of driver: Driver) -> [JournalEntry] {
    driver.effects.compactMap { if case .record(let entry) = $0 { entry } else { nil } }
  }

  private func bytes(of driver: Driver) -> [UInt8] {
    let began = JournalEntry.began(fingerprint: "f", path: "fixture.gguf")
    return Array(([began] + journal(of: driver)).map { $0.line + "\n" }.joined().utf8)
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func replayGivesTheDocumentWithItsHistory(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var driver = Driver()
    let keys = ["2", "3", "4", "5", "6", "8", "0", "-", "+", "space", "j", "k", "u", "u", "C-r"]
    for _ in 0..<60 { driver.press(keys.randomElement(using: &generator) ?? "j") }
    let read = try #require(Journal(bytes: bytes(of: driver)))
    let replayed = WorkbenchState.replaying(read, on: driver.summary)
    #expect(replayed.document == driver.state.document)
    #expect(read.skippedLineCount == 0)
  }

  @Test func everyCutOfTheFileKeepsTheWholeLinesBeforeIt() throws {
    var driver = Driver()
    driver.press("3 j 4 u C-r j space space 5")
    let all = bytes(of: driver)
    let lineEnds = all.indices.filter { all[$0] == UInt8(ascii: "\n") }
    for cut in (lineEnds[0] + 1)...all.count {
      let read = try #require(Journal(bytes: Array(all[..<cut])))
      #expect(read.entries.count == lineEnds.count { $0 < cut } - 1)
      #expect(read.skippedLineCount == 0)
      #expect(read.intactByteCount == (lineEnds.last { $0 < cut } ?? 0) + 1)
    }
  }

  @Test func fileThatBeginsNoJournalIsNone() {
    #expect(Journal(bytes: []) == nil)
    #expect(Journal(bytes: Array("hello\n".utf8)) == nil)
    #expect(Journal(bytes: Array("{\"model\":\"x\"".utf8)) == nil)
    #expect(Journal(bytes: [0xFF, 0xFE, 0x0A]) == nil)
  }

  @Test func linesThatMakeNoSenseAreCountedAndSkipped() throws {
    let text = """
      {"model":"f","path":"p"}
      garbage
      {"edit":"4 bits","sites":[{"site":"blk.0.attn_q.weight","to":"q99"}]}
      {"edit":"4 bits","sites":[{"site":"blk.0.attn_q.weight","to":"q4_0"}]}

      """
    let read = try #require(Journal(bytes: Array(text.utf8)))
    #expect(read.skippedLineCount == 2)
    let document = read.document(for: FixtureModel.summary(blocks: 1).sites)
    #expect(document.plan["blk.0.attn_q.weight"].name == "q4_0")
  }

  @Test func editsThatDoNotFitTheModelAreLeftOutButStillUndone() throws {
    let text = """
      {"model":"f","path":"p"}
      {"edit":"a","sites":[{"site":"blk.0.attn_q.weight","to":"q4_0"}]}
      {"edit":"b","sites":[{"site":"no.such.site","to":"q4_0"},{"site":"token_embd.weight","to":"q4_K"}]}
      {"step":"undo"}

      """
    let read = try #require(Journal(bytes: Array(text.utf8)))
    let document = read.document(for: FixtureModel.summary(blocks: 1).sites)
    #expect(
      document.plan == Plan(treatments: ["blk.0.attn_q.weight": .init(name: "q4_0") ?? .keep]))
    #expect(document.canUndo)
  }

  @Test(arguments: [
    "plain", "quote\"d", "back\\slash", "new\nline", "\u{1B}[31m", "日本語", "é\u{7F}",
  ])
  func siteNamesSurviveTheJournal(name: String) throws {
    let edit = Edit(
      label: name, changes: [SiteChange(site: name, choice: SiteChoice(.keep))])
    let line = JournalEntry.edited(edit).line
    #expect(!line.utf8.contains(UInt8(ascii: "\n")))
    #expect(JournalEntry(line: line) == .edited(edit))
  }

  @Test func resumeBringsBackPlanHistoryAndExport() throws {
    var driver = Driver()
    driver.press("3 j 4 e enter")
    driver.apply(.exportPathChecked(path: "fixture-vise.gguf", exists: false, problem: nil))
    driver.apply(.engineReported(.jobEnded(job: 1, .finished("done"))))
    let read = try #require(Journal(bytes: bytes(of: driver)))
    var next = Driver()
    next.apply(.journalFound(ResumeOffer(journal: read, writtenAt: "14:02")))
    next.press("3")
    #expect(next.state.document.plan.isEmpty)
    next.press("r")
    #expect(next.state.document == driver.state.document)
    #expect(next.state.exportedPlan == driver.state.document.plan)
    #expect(next.effects.contains(.continueJournal))
    next.press("u u")
    #expect(next.state.document.plan.isEmpty)
  }
}
