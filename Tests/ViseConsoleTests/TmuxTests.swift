import Glibc
import Testing

/// The same in a terminal multiplexer, waiting on the loop's idle signal.
@Suite(.serialized, .enabled(if: TmuxSession.isInstalled, "tmux is not installed"))
struct TmuxTests {
  private let state = PtySession.makeStateFolder()

  @Test(arguments: [(80, 24), (160, 48)])
  func editIsOnTheScreenWhenTheLoopIsIdle(columns: Int, rows: Int) throws {
    let tmux = try TmuxSession(state: state, columns: columns, rows: rows)
    #expect(tmux.wait(for: "Fixture-135M").contains("○ idle"))
    tmux.send("j 3")
    // The multiplexer may show a frame while it is still being written.
    for words in ["1 treated", "•iq4_NL≠", "needs rows divisible by 256"] {
      #expect(tmux.wait(for: words).contains(words))
    }
    tmux.send("u")
    #expect(tmux.wait { $0.contains("undid 3 bits") && !$0.contains("•") }.contains("undid"))
  }

  @Test func crashLeavesItsReportOnTheShellsScreen() throws {
    // What the runtime says of the crash is long.
    let tmux = try TmuxSession(["--crash"], state: state, rows: 200, stays: true)
    let screen = tmux.wait(for: "Edits are saved")
    #expect(screen.contains("vise crashed (TERM tmux-256color)"))
    #expect(!screen.contains("estimate"))
  }

  @Test func killedSessionIsResumed() throws {
    let killed = try TmuxSession(state: state)
    _ = killed.wait(for: "Fixture-135M")
    killed.send("3 j 4")
    _ = killed.wait(for: "2 treated")
    killed.killProgram()
    let resumed = try TmuxSession(state: state)
    _ = resumed.wait(for: "session found")
    resumed.send("r")
    #expect(resumed.wait(for: "2 treated").contains("2 treated"))
  }

  @Test func closingTheWindowEndsTheProgramAndKeepsTheJournal() throws {
    let tmux = try TmuxSession(state: state)
    _ = tmux.wait(for: "Fixture-135M")
    tmux.send("3")
    _ = tmux.wait(for: "1 treated")
    let process = try #require(tmux.program)
    tmux.end()
    #expect(tmux.waitForEnd(of: process))
    #expect(access("\(state)/vise/fixture30.journal", R_OK) == 0)
  }

  @Test func windowsMayChangeTheirSize() throws {
    let tmux = try TmuxSession(state: state, columns: 100, rows: 30)
    _ = tmux.wait(for: "Fixture-135M")
    for (columns, rows) in [(60, 16), (160, 48), (61, 17), (80, 24)] {
      tmux.resize(columns: columns, rows: rows)
    }
    tmux.send("3")
    let screen = tmux.wait {
      $0.contains("1 treated") && Self.row(23, of: $0).contains("j/k move")
    }
    #expect(Self.row(23, of: screen).contains("j/k move"))
    #expect(screen.contains("1 treated"))
  }

  private static func row(_ index: Int, of screen: String) -> Substring {
    let rows = screen.split(separator: "\n", omittingEmptySubsequences: false)
    return index < rows.count ? rows[index] : ""
  }
}
