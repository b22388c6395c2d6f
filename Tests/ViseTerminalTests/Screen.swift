import ViseEstimates
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

/// The screens the snapshots show.
enum Screen: String, CaseIterable, Sendable {
  case opening, bench, edited, compound, detail, computing, formats, methods, prompt, export,
    exists, help, palette, quit, resume, filter, limited, searching, frontier, themes, compare,
    history, heat, jobs,
    choosing, failed, log, typed, prefix, twoPlans, over

  func state(size: ScreenSize, blocks: Int = 30) -> WorkbenchState {
    let layout = Layout(size: size)
    let isOpen = self != .opening && self != .failed
    var driver = Driver(blocks: blocks, listRows: layout.listRows, isOpen: isOpen)
    driver.apply(
      .screenResized(
        listRows: layout.listRows, overlayRows: layout.overlayRows,
        helpColumns: layout.helpColumns))
    switch self {
    case .opening, .bench: break
    case .failed:
      driver.apply(.engineReported(.openFailed("fixture.gguf: the file ends within its header")))
    case .log:
      for line in 1...60 { driver.apply(.engineReported(.log("line \(line)"))) }
      driver.press("L k k")
    case .typed:
      driver.press(":")
      driver.type("bits ffn_down !blk.0.* 4")
    case .prefix: driver.press("j v j j 3 g")
    case .over: driver.limit("75%, KL 0.001, 9ms", then: "j 3")
    case .twoPlans: driver.press("j 3 X j 4 j 5")
    case .edited: driver.press("j j 3 j j j j j 4 j space space")
    case .compound: driver.press("j 4 p 3 0 enter j r j r j ] ] ] j 4 r r p 3 0 enter")
    case .detail: driver.press("j r r p 3 0 enter i")
    case .computing:
      driver.answersInspections = false
      driver.press("j 4 i")
    case .formats: driver.press("j f j j j j")
    case .methods: driver.press("j 4 p 3 0 enter m j j")
    case .prompt: driver.press("j t")
    case .export: driver.press("3 j 4 e")
    case .exists:
      driver.press("3 j 4 e enter")
      driver.apply(.exportPathChecked(path: "fixture-vise.gguf", exists: true, problem: nil))
    case .help: driver.press("?")
    case .palette:
      driver.press(":")
      driver.type("un")
    case .quit: driver.press("3 q")
    case .resume:
      let text = "{\"model\":\"f\",\"path\":\"p\"}\n{\"step\":\"undo\"}\n"
      if let journal = Journal(bytes: Array(text.utf8)) {
        driver.apply(.journalFound(ResumeOffer(journal: journal, writtenAt: "2026-01-02 14:02")))
      }
    case .filter:
      driver.press("/")
      driver.type("down")
    case .themes:
      driver.apply(.themesFound(["aurora", "vise-dark", "vise-light"], current: "vise-dark"))
      driver.press("g t k")
    case .limited: driver.limit("75%", then: "F")
    case .searching:
      driver.limit("75%", then: "j 6 s")
      driver.reportSearch(trials: 23)
    case .history:
      driver.press("3 j 4 j 2 u u j 5 p 3 0 enter H k n")
      driver.type("smaller")
      driver.press("enter j")
    case .jobs:
      driver.limit("75%", then: "3 e enter")
      driver.apply(.exportPathChecked(path: "fixture-vise.gguf", exists: false, problem: nil))
      driver.apply(
        .engineReported(
          .progress(
            JobProgress(
              job: 1, activity: "exporting", completed: 30, total: 80, secondsRemaining: 12))))
      driver.apply(.engineReported(.activity("measuring 3 of 16 windows")))
      driver.apply(
        .engineReported(
          .queue([
            QueuedWork(kind: .export, remaining: 1), QueuedWork(kind: .planEffects, remaining: 2),
            QueuedWork(kind: .prediction, remaining: 1),
            QueuedWork(kind: .firstMeasurement, remaining: 5),
            QueuedWork(kind: .search, remaining: nil), QueuedWork(kind: .timing, remaining: 11),
            QueuedWork(kind: .otherFormats, remaining: 1266),
          ])))
      driver.press("s esc J j")
      driver.reportSearch(trials: 23)
      for line in 1...9 { driver.apply(.engineReported(.log("line \(line)"))) }
    case .choosing: return PickerFixture.state()
    case .heat: driver.press("j j j 3 S j j l B l w w")
    case .compare: driver.press("j 3 j j 4 j 2 D l j")
    case .frontier:
      driver.limit("75%", then: "F g p")
      driver.reportMeasuredPlans()
      driver.press("l l l")
    }
    if self == .prompt {
      driver.type("prune=2 rank=64")
      driver.press("enter")
    }
    return driver.state
  }
}
