import Testing
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct PickerTests {
  private func choosing() -> WorkbenchState {
    var state = WorkbenchState(choosingIn: PickerFixture.listing.folder)
    _ = state.apply(.modelsListed(PickerFixture.listing))
    return state
  }

  private func press(_ state: inout WorkbenchState, _ code: KeyPress.Code) -> [WorkbenchEffect] {
    state.apply(.keyPressed(KeyPress(code), seconds: 0))
  }

  @Test func enterOpensWhatTheCursorIsOn() {
    var state = choosing()
    #expect(press(&state, .enter) == [.openModel(path: "/data/llama.gguf")])
    #expect(state.opening == .underWay)
    #expect(state.modelPath == "/data/llama.gguf")
  }

  @Test func whatCannotBeOpenedIsRefusedWithItsReason() {
    var state = choosing()
    _ = press(&state, .down)
    #expect(press(&state, .enter).isEmpty)
    #expect(state.message == .refusal("No such file or directory"))
    #expect(state.opening == .choosing)
  }

  @Test func foldersAreGoneIntoAndOutOf() {
    var state = choosing()
    _ = press(&state, .end)
    #expect(press(&state, .enter) == [.listModels(folder: "/home/user/models/old")])
    #expect(press(&state, .character("h")) == [.listModels(folder: "/home/user/models")])
    #expect(press(&state, .character("h")) == [.listModels(folder: "/home/user")])
    for _ in 0..<5 { _ = press(&state, .character("h")) }
    #expect(state.picker?.folder == "/")
  }

  @Test func listingsOfFoldersLeftMeanwhileAreIgnored() {
    var state = choosing()
    _ = press(&state, .character("h"))
    let before = state
    _ = state.apply(.modelsListed(PickerFixture.listing))
    #expect(state == before)
  }

  @Test func aPathCanBeTyped() {
    var state = choosing()
    _ = press(&state, .character("p"))
    for character in "x.gguf" { _ = press(&state, .character(character)) }
    #expect(press(&state, .enter) == [.openModel(path: "x.gguf")])
  }

  @Test func afterAFailureEscGoesBackToTheList() {
    var state = choosing()
    _ = press(&state, .enter)
    _ = state.apply(.engineReported(.openFailed("cut short")))
    #expect(press(&state, .escape) == [.listModels(folder: "/home/user/models")])
    #expect(state.opening == .choosing)
  }

  @Test func escNeverQuitsAndEditsAreNotPossibleBeforeAModelIsOpen() {
    var state = choosing()
    for key in "3uFsDHSJe" { #expect(press(&state, .character(key)).isEmpty) }
    #expect(press(&state, .escape).isEmpty)
    #expect(state.page == nil && state.overlay == nil)
    #expect(press(&state, .character("q")) == [.quit(exitCode: 0)])
  }
}

struct JobsTests {
  @Test func theJobUnderTheCursorIsCancelled() {
    var driver = Driver()
    for job in [4, 9] {
      driver.apply(
        .engineReported(
          .progress(
            JobProgress(
              job: job, activity: "measuring", completed: 1, total: 2, secondsRemaining: nil))))
    }
    driver.press("J j x")
    #expect(driver.effects.last == .send(.cancel(job: 9)))
    driver.apply(.engineReported(.jobEnded(job: 9, .cancelled)))
    driver.press("x")
    #expect(driver.effects.last == .send(.cancel(job: 4)))
    driver.apply(.engineReported(.jobEnded(job: 4, .cancelled)))
    driver.press("x")
    #expect(driver.state.message == .refusal("no job runs"))
  }
}
