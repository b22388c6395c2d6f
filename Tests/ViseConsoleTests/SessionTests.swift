import Glibc
import Testing
import ViseWorkbench

/// The real loop, real curses and a real terminal line.
@Suite(.serialized)
struct SessionTests {
  private let state = PtySession.makeStateFolder()
  private let ready = "Fixture-135M"

  @Test func leavingRestoresTheTerminal() throws {
    let session = try PtySession(state: state)
    let before = session.initialModes
    #expect(session.wait(for: ready))
    #expect(session.modes != before)
    session.send("q")
    #expect(session.exitCode() == 0)
    #expect(session.modes == before)
    let output = String(decoding: session.output, as: UTF8.self)
    #expect(output.contains("\u{1B}[?1049l"))
    #expect(output.contains("\u{1B}[?2004l"))
  }

  @Test(arguments: [(80, 24), (160, 48)])
  func editUndoAndRedoMoveAllThreeGauges(columns: Int, rows: Int) throws {
    let session = try PtySession(state: state, columns: columns, rows: rows)
    let gauges = (rows - 6)...(rows - 4)
    func figures() -> [String] { gauges.map { session.screen.text(ofRow: $0) } }
    // A read may end inside a row: wait for the rows' last words and for the footer below them.
    #expect(
      session.wait {
        figures()[2].contains("88.2 tok/s") && figures()[2].contains("predicted")
          && $0.screen.text(ofRow: rows - 1).contains("q quit")
      })
    let reference = figures()
    #expect(reference[0].contains("exact") && reference[1].contains("exact"))
    session.send("3j3j3")
    #expect(
      session.wait {
        $0.screen.text(ofRow: rows - 2).hasPrefix(" blk.0.attn_k  q8_0→")
          && figures()[0].contains("predicted") && figures()[2].contains("predicted")
          && zip(figures(), reference).allSatisfy { $0 != $1 }
      })
    let edited = figures()
    session.send("uuu")
    #expect(session.wait { _ in figures() == reference })
    session.send("\u{12}\u{12}\u{12}")
    #expect(session.wait { _ in figures() == edited })
  }

  @Test func killedSessionIsResumedWithItsUndoHistory() throws {
    let killed = try PtySession(state: state)
    #expect(killed.wait(for: ready))
    killed.send("3j4j5")
    #expect(killed.wait(for: "3 treated"))
    killed.send(signal: SIGKILL)
    #expect(killed.exitCode() == -SIGKILL)
    let resumed = try PtySession(state: state)
    #expect(resumed.wait(for: "session found"))
    resumed.send("r")
    #expect(resumed.wait(for: "3 treated"))
    resumed.send("uuu")
    #expect(resumed.wait { !$0.text.contains("treated") })
    resumed.send("q")
    #expect(resumed.exitCode() == 0)
  }

  @Test func startingAnewKeepsTheOldJournalAside() throws {
    let first = try PtySession(state: state)
    #expect(first.wait(for: ready))
    first.send("3")
    #expect(first.wait(for: "1 treated"))
    first.send("Q")
    #expect(first.exitCode() == 0)
    let second = try PtySession(state: state)
    #expect(second.wait(for: "session found"))
    second.send("nQ")
    #expect(second.exitCode() == 0)
    #expect(access("\(state)/vise/fixture30.journal.old", R_OK) == 0)
  }

  @Test func hangUpEndsTheProgramAndKeepsTheJournal() throws {
    let session = try PtySession(state: state)
    #expect(session.wait(for: ready))
    session.send("4")
    #expect(session.wait(for: "1 treated"))
    session.hangUp()
    #expect(session.exitCode(reads: false) == 129)
    #expect(access("\(state)/vise/fixture30.journal", R_OK) == 0)
  }

  @Test(arguments: [(SIGTERM, 143), (SIGINT, 130)] as [(Int32, Int32)])
  func signalFromOutsideRestoresTheTerminal(signal: Int32, code: Int32) throws {
    let session = try PtySession(state: state)
    let before = session.initialModes
    #expect(session.wait(for: ready))
    session.send(signal: signal)
    #expect(session.exitCode() == code)
    #expect(session.modes == before)
  }

  @Test func suspendGivesTheTerminalBackAndResumePaintsAgain() throws {
    let session = try PtySession(state: state)
    let before = session.initialModes
    #expect(session.wait(for: ready))
    session.send("\u{1A}")
    #expect(session.waitForStop())
    #expect(session.modes == before)
    session.resize(columns: 100, rows: 30)
    session.send(signal: SIGCONT)
    #expect(session.wait(for: ready))
    session.send("j3")
    #expect(session.wait(for: "1 treated"))
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func resizeRedrawsAndTooSmallSaysSo() throws {
    let session = try PtySession(state: state)
    #expect(session.wait(for: ready))
    session.resize(columns: 50, rows: 10)
    #expect(session.wait(for: "needed  60x16"))
    session.send("3")
    session.resize(columns: 120, rows: 30)
    #expect(session.wait(for: "KL alone"))
    #expect(!session.text.contains("treated"))
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func exportedColumnsAndLinesAreNotBelieved() throws {
    let session = try PtySession(
      state: state, columns: 100, rows: 30, environment: ["COLUMNS": "60", "LINES": "20"])
    #expect(session.wait(for: ready))
    #expect(session.wait { $0.screen.text(ofRow: 29).contains("j/k") })
  }

  @Test(arguments: [nil, "no-such-terminal"] as [String?])
  func unknownTerminalFallsBackAndSaysSo(term: String?) throws {
    let session = try PtySession(state: state, environment: ["TERM": term])
    #expect(session.wait(for: "using xterm-256color"))
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func dumbTerminalIsRefusedWithAdvice() throws {
    let session = try PtySession(state: state, environment: ["TERM": "dumb"])
    #expect(session.exitCode() == 2)
    #expect(session.text.contains("cannot place the cursor"))
  }

  @Test func noColorSendsNoColour() throws {
    let session = try PtySession(state: state, environment: ["NO_COLOR": "1"])
    #expect(session.wait(for: ready))
    session.send("3")
    #expect(session.wait(for: "1 treated"))
    #expect(session.screen.cells.joined().allSatisfy { $0.color == -1 })
  }

  @Test(arguments: [("xterm", 8), ("xterm-16color", 16), ("xterm-256color", 256)])
  func colourNumbersStayBelowWhatTheTerminalHas(term: String, count: Int) throws {
    let session = try PtySession(state: state, environment: ["TERM": term])
    #expect(session.wait(for: ready))
    session.send("3")
    #expect(session.wait(for: "1 treated"))
    let colors = Set(session.screen.cells.joined().map(\.color))
    #expect(colors.allSatisfy { $0 < count } && colors.count > 2, "\(colors)")
  }

  @Test func localeWithoutUTF8GetsASCII() throws {
    let session = try PtySession(
      state: state, environment: ["LANG": "C", "LC_ALL": "C"])
    #expect(session.wait(for: "locale is not UTF-8"))
    #expect(session.wait(for: ready))
    #expect(session.output.allSatisfy { $0 < 0x80 })
  }

  @Test func escapeSequenceInPiecesIsOneKey() throws {
    let session = try PtySession(state: state, environment: ["SSH_CONNECTION": "a b c d"])
    #expect(session.wait(for: ready))
    session.send("?")
    let lines = HelpText.rowCount(columns: 2)
    #expect(session.wait(for: "19 of \(lines) lines"))
    session.send("\u{1B}")
    session.send("[B\u{1B}OB")
    #expect(session.wait(for: "21 of \(lines) lines"))
    session.send("\u{1B}")
    #expect(session.wait(for: "estimate"))
  }

  @Test func crashRestoresTheTerminalAndTellsWhereTheWorkIs() throws {
    let session = try PtySession(["--crash"], state: state)
    let before = session.initialModes
    let code = session.exitCode()
    #expect(code < 0)
    #expect(session.modes == before)
    let output = String(decoding: session.output, as: UTF8.self)
    let leaving = try #require(output.range(of: "\u{1B}[?1049l"))
    let report = output[leaving.upperBound...]
    #expect(report.contains("vise crashed"))
    #expect(report.contains("asked to crash"))
  }

  @Test func keysAreAnsweredWhileTheEngineFloods() throws {
    let session = try PtySession(["--flood"], state: state)
    #expect(session.wait(for: ready))
    session.send("3j4j5")
    #expect(session.wait(for: "3 treated"))
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func aClickOnAHeadingSorts() throws {
    let session = try PtySession(["--mouse"], state: state, columns: 120)
    #expect(session.wait(for: ready))
    #expect(session.wait { $0.screen.text(ofRow: 2).contains("865432") })
    let heading = Array(session.screen.text(ofRow: 2))
    let column = try #require(
      heading.indices.first { heading[$0...].starts(with: "bytes") })
    // SGR: button, column and row from 1, pressed and let go.
    session.send("\u{1B}[<0;\(column + 1);3M\u{1B}[<0;\(column + 1);3m")
    #expect(session.wait { $0.screen.text(ofRow: 2).contains("bytes▾") })
    #expect(session.wait(for: "by bytes"))
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func planAndScreenAreWrittenByTypedCommands() throws {
    let session = try PtySession(state: state)
    #expect(session.wait(for: ready))
    session.send("j3:save \(state)/plan.toml\r")
    #expect(session.wait(for: "plan written"))
    session.send(":save \(state)/plan.toml\r")
    #expect(session.wait(for: "nothing was written"))
    session.send(":screenshot \(state)/screen.svg\r")
    #expect(session.wait(for: "screen saved"))
    session.send(":export --dry-run \(state)/none/x.gguf\r")
    #expect(session.wait(for: "nothing could be written"))
    #expect(access("\(state)/plan.toml", R_OK) == 0)
    #expect(access("\(state)/screen.svg", R_OK) == 0)
    session.send("Q")
    #expect(session.exitCode() == 0)
  }

  @Test func exportAsksBeforeItReplacesAFile() throws {
    let session = try PtySession(state: state)
    #expect(session.wait(for: ready))
    session.send("e\u{15}\(state)/vise/fixture30.journal\r")
    #expect(session.wait(for: "will not be replaced"))
    session.send("\u{1B}")
    #expect(session.wait(for: "enter write"))
    session.send("\u{15}\(state)/none/x.gguf\r")
    #expect(session.wait(for: "No such file"))
    session.send("\u{15}\(state)/x.gguf\r")
    #expect(session.wait(for: "wrote \(state)/x.gguf"))
  }
}

extension String {
  fileprivate func range(of other: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(other) {
        return start..<index(start, offsetBy: other.count)
      }
      start = index(after: start)
    }
    return nil
  }
}
