import CTerminal
import Glibc
import Testing
import ViseConsole
import ViseEstimates
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

/// Real curses writing into a file, read back by an emulator.
///
/// One test at a time: curses is one.
@Suite(.serialized)
struct PresenterTests {
  /// Curses on a file, as long as `body` runs.
  func withTerminal(
    _ term: String, size: ScreenSize, level: ColorLevel? = nil,
    _ body: (inout CursesPresenter, () -> [UInt8]) throws -> Void
  ) throws {
    var template = Array("/tmp/vise-presenter-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    try #require(file >= 0)
    unlink(template)
    defer { close(file) }
    var capabilities = ct_caps()
    let status = ct_open(term, file, true, &capabilities)
    try #require(status == Int32(CT_OK) && capabilities.substituted == 0, "no terminfo for \(term)")
    defer { ct_close() }
    ct_resize(Int32(size.rows), Int32(size.columns))
    ct_count_bytes(true)
    let own = ColorLevel(terminalColors: Int(capabilities.colors))
    var presenter = CursesPresenter(theme: .builtIn, level: level ?? own)
    var offset: off_t = 0
    try body(&presenter) {
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      let count = pread(file, &bytes, bytes.count, offset)
      offset += off_t(max(count, 0))
      return Array(bytes.prefix(max(count, 0)))
    }
  }

  private func frame(_ driver: Driver, _ size: ScreenSize, _ glyphs: GlyphSet = .unicode) -> Frame {
    WorkbenchView.frame(of: driver.state, size: size, glyphs: glyphs)
  }

  private func driver(_ size: ScreenSize) -> Driver {
    Driver(blocks: 30, listRows: Layout(size: size).listRows)
  }

  @Test(arguments: ["xterm-256color", "tmux-256color", "xterm", "linux", "vt100"])
  func terminalShowsWhatTheFrameSays(term: String) throws {
    let size = ScreenSize(columns: 80, rows: 24)
    let keys = [
      "j", "3", "G", "k", "pgup", "space", "4", "u", "f", "j", "esc", "?", "esc", "C-d",
      "e", "esc", "/", "d", "o", "w", "enter", "-", ":", "esc", "C-r", "0", "g", "g",
    ]
    try withTerminal(term, size: size) { presenter, output in
      var generator = SeededGenerator(seed: 7)
      var driver = driver(size)
      var screen = ScreenEmulator(columns: size.columns, rows: size.rows)
      for step in 0..<300 {
        driver.press(step < keys.count ? keys[step] : keys.randomElement(using: &generator) ?? "j")
        let frame = frame(driver, size)
        presenter.present(frame)
        screen.play(output())
        for row in 0..<size.rows where screen.text(ofRow: row) != frame.buffer.text(ofRow: row) {
          Issue.record(
            "step \(step) row \(row): \(screen.text(ofRow: row)) | \(frame.buffer.text(ofRow: row))"
          )
          return
        }
      }
      #expect(screen.unknown.isEmpty)
    }
  }

  @Test func coloursArriveAsTheThemeSays() throws {
    let size = ScreenSize(columns: 80, rows: 24)
    try withTerminal("xterm-256color", size: size) { presenter, output in
      var driver = driver(size)
      var screen = ScreenEmulator(columns: size.columns, rows: size.rows)
      driver.press("3 j 4")
      let frame = frame(driver, size)
      presenter.present(frame)
      screen.play(output())
      for row in 0..<size.rows {
        for (column, cell) in frame.buffer.row(row).enumerated() where cell.scalar != " " {
          let wanted = Theme.builtIn[cell.role].foreground?.index(at: .full) ?? -1
          if screen.cells[row][column].color != wanted {
            Issue.record("\(column),\(row): \(screen.cells[row][column].color) is not \(wanted)")
          }
        }
      }
    }
  }

  @Test func unchangedFrameSendsNothing() throws {
    let size = ScreenSize(columns: 80, rows: 24)
    try withTerminal("xterm-256color", size: size) { presenter, output in
      let frame = frame(driver(size), size)
      presenter.present(frame)
      _ = output()
      presenter.present(frame)
      #expect(output().isEmpty)
      // Neither does one around which the terminal would be told to wait.
      presenter.isSynchronized = true
      presenter.present(frame)
      #expect(output().isEmpty)
    }
  }

  /// Bytes of one action: the budget at 80x24 and at 160x48.
  private static let budgets: [(name: String, keys: String, then: String, small: Int, large: Int)] =
    [
      ("move", "j", "j", 700, 900),
      ("change a format", "j 3 j", "4", 500, 1100),
      ("page down", "", "pgdn", 2000, 5000),
      ("scroll one row", "pgdn", "j", 1000, 5000),
      ("open the format list", "j", "f", 3200, 3500),
      ("open the method list", "j 4 ]", "m", 3200, 3200),
      ("look at a layer", "j 4", "i", 4500, 11_000),
      ("prune while looking", "j 4 i", "]", 700, 1500),
      ("lower the rank", "j 4 r", "r", 500, 2200),
    ]

  @Test(arguments: [ScreenSize(columns: 80, rows: 24), ScreenSize(columns: 160, rows: 48)])
  func framesStayWithinTheByteBudget(size: ScreenSize) throws {
    let isLarge = size.columns > 80
    for term in ["xterm-256color", "tmux-256color"] {
      try withTerminal(term, size: size) { presenter, output in
        var first = driver(size)
        presenter.present(frame(first, size))
        let paint = output().count
        #expect(paint <= (isLarge ? 18_000 : 6_000), "\(term): first paint \(paint)")
        var report = "\(term) \(size.columns)x\(size.rows): first paint \(paint)"
        for budget in Self.budgets {
          first = driver(size)
          first.press(budget.keys)
          presenter.present(frame(first, size))
          _ = output()
          first.press(budget.then)
          presenter.present(frame(first, size))
          let count = output().count
          #expect(
            count <= (isLarge ? budget.large : budget.small), "\(term): \(budget.name) \(count)")
          report += ", \(budget.name) \(count)"
        }
        let tick = QualityEstimate(
          klMean: Estimate(
            value: 0.0123, interval: Interval(lower: 0.01, upper: 0.014, level: 0.95),
            provenance: .measured(tokens: 512, of: 9000)))
        first = driver(size)
        first.press("j 3")
        presenter.present(frame(first, size))
        _ = output()
        first.apply(.engineReported(.quality(tick, revision: first.state.revision)))
        presenter.present(frame(first, size))
        let count = output().count
        // Of these some are for the cursor, which goes back to the selected layer.
        #expect(count <= 220, "\(term): a live figure \(count)")
        report += ", live figure \(count)"
        if getenv("VISE_PRINT_BYTES") != nil { print(report) }
      }
    }
  }

  @Test func terminalsWithoutCursorAddressingAreRefused() throws {
    var template = Array("/tmp/vise-presenter-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    try #require(file >= 0)
    unlink(template)
    defer { close(file) }
    var capabilities = ct_caps()
    #expect(ct_open("dumb", file, false, &capabilities) == Int32(CT_NO_ADDRESSING))
    let unknown = ct_open("no-such-terminal", file, false, &capabilities)
    #expect(unknown == Int32(CT_OK))
    #expect(capabilities.substituted == 1)
    ct_close()
  }
}
