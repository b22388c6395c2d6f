import Testing
import ViseConsole
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

struct ScreenRecorderTests {
  private func record(_ keys: String, patience: Double = 20) throws -> (Frame, String?) {
    var recorder = ScreenRecorder(
      modelPath: "fixture.gguf", size: ScreenSize(columns: 80, rows: 24), glyphs: .unicode,
      patience: patience)
    return recorder.record(try KeyScript(keys)) { mailbox in
      ScriptedEngine(
        mailbox: mailbox, summary: FixtureModel.summary(path: "fixture.gguf", blocks: 4))
    }
  }

  @Test func keysEditAndTheFrameShowsIt() throws {
    let (frame, problem) = try record("j3<wait>j4")
    let text = ScreenPicture.text(frame.buffer)
    #expect(problem == nil)
    #expect(text.contains("2 treated") && text.contains("○ idle"))
    let undone = ScreenPicture.text(try record("j3j4uu").0.buffer)
    #expect(undone.contains("undid") && !undone.contains("treated"))
  }

  @Test func namedKeysOpenAndCloseOverlays() throws {
    #expect(ScreenPicture.text(try record("?").0.buffer).contains("keys"))
    #expect(ScreenPicture.text(try record("?<esc>").0.buffer).contains("estimate"))
    #expect(ScreenPicture.text(try record("/ffn_down<enter>").0.buffer).contains("ffn_down"))
  }

  @Test func exportsAreRefused() throws {
    let (frame, _) = try record("e<enter>")
    #expect(ScreenPicture.text(frame.buffer).contains("writes no files"))
  }

  @Test func scriptsNameKeysAsPeopleWriteThem() throws {
    let steps: [KeyScript.Step] = [
      .press(KeyPress("j")), .press(KeyPress(.enter)), .press(.control("r")), .wait,
      .press(KeyPress("<")), .press(KeyPress(" ")), .press(KeyPress("é")),
    ]
    #expect(try KeyScript("j<enter><C-r><wait><lt><space>é").steps == steps)
  }

  @Test(arguments: ["<", "<enter", "j<nothing>", "<C-1>", "<C-ab>", "<>"])
  func whatIsNoKeyIsRefused(script: String) {
    #expect(throws: KeyScript.Problem.self) { try KeyScript(script) }
  }
}
