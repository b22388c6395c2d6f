import Testing
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

/// Lists on all screens answer clicks as their keys do.
struct MouseTests {
  private let size = ScreenSize(columns: 80, rows: 24)

  private func frame(_ driver: Driver) -> Frame {
    WorkbenchView.frame(of: driver.state, size: size, glyphs: .unicode)
  }

  /// The row of the screen the list's mark is on.
  private func markedRow(_ driver: Driver) -> Int? {
    let frame = frame(driver)
    // Lists fill the screen from its first column on, boxes lie over them further in.
    let isBox = driver.state.overlay != nil
    return (0..<size.rows).first { row in
      frame.buffer.row(row).enumerated().contains {
        $1.scalar == "▸" && $1.role == .mark && ($0 > 0) == isBox
      }
    }
  }

  /// Clicks the entry below the one marked; there may be a title between them.
  private func clickNext(_ driver: inout Driver, isDouble: Bool = false) throws {
    let row = try #require(markedRow(driver))
    let frame = frame(driver)
    let targets = [row + 1, row + 2].flatMap { row in
      (0..<size.columns).compactMap { frame.target(column: $0, row: row) }
    }
    guard case .item(let item)? = targets.first else {
      Issue.record("nothing to click below row \(row)")
      return
    }
    driver.apply(.itemClicked(item, isDouble: isDouble))
  }

  private static let screens = [
    "j f", "j 4 m", "g t", "3 j 4 j 2 D", "3 j 4 j 2 H", ": ",
  ]

  @Test(arguments: screens)
  func aClickMovesAsTheKeyDoes(keys: String) throws {
    var clicked = Driver(blocks: 30)
    clicked.apply(.themesFound(["aurora", "light", "mono"], current: "aurora"))
    clicked.press(keys)
    var pressed = clicked
    try clickNext(&clicked)
    pressed.press(keys == ": " ? "down" : "j")
    #expect(clicked.state.overlay == pressed.state.overlay)
    #expect(clicked.state.comparison == pressed.state.comparison)
    #expect(clicked.state.history == pressed.state.history)
    #expect(clicked.state.theme == pressed.state.theme)
  }

  @Test func aDoubleClickAccepts() throws {
    var driver = Driver(blocks: 30)
    driver.press("j f")
    try clickNext(&driver, isDouble: true)
    #expect(driver.state.overlay == nil)
    #expect(driver.state.document.edits.count == 1)
  }

  @Test func modelsAreChosenByClicks() throws {
    var driver = Driver(choosing: PickerFixture.listing)
    try clickNext(&driver)
    #expect(driver.state.picker?.cursor == 1)
    driver.apply(.itemClicked(0, isDouble: true))
    #expect(driver.effects.contains(.openModel(path: "/data/llama.gguf")))
  }

  @Test func cellsOfTheHeatViewAnswerClicks() throws {
    var driver = Driver(blocks: 30)
    driver.press("j S")
    let columns = try #require(driver.state.heat?.grid.roles.count)
    driver.apply(.itemClicked(5 * columns + 3, isDouble: false))
    #expect(driver.state.heat?.row == 5 && driver.state.heat?.column == 3)
  }

  @Test func theWheelShowsThemesAsTheKeysDo() {
    var driver = Driver(blocks: 30)
    driver.apply(.themesFound(["aurora", "light", "mono"], current: "aurora"))
    driver.press("g t")
    driver.apply(.wheelTurned(rows: 1))
    #expect(driver.effects.contains(.showTheme("light")))
  }

  @Test func whatLiesUnderADialogAnswersNoClick() {
    var driver = Driver(blocks: 30)
    driver.press("3 q")
    #expect(frame(driver).target(column: 40, row: 3) == nil)
  }

  @Test func theTextCursorIsOnTheSelectedEntry() throws {
    var driver = Driver(blocks: 30)
    for keys in ["j", "f", "esc 4 H", "esc D", "esc"] {
      driver.press(keys)
      let frame = frame(driver)
      let row = try #require(markedRow(driver), "\(keys)")
      #expect(frame.cursorRow == row, "\(keys)")
    }
  }

  @Test(arguments: [ScreenSize(columns: 60, rows: 16), ScreenSize(columns: 160, rows: 48)])
  func allSecondKeysAreShownAndAnswerClicks(size: ScreenSize) {
    var driver = Driver(blocks: 30)
    driver.press("j j j g")
    let frame = WorkbenchView.frame(of: driver.state, size: size, glyphs: .unicode)
    let text = (0..<size.rows).map { frame.buffer.text(ofRow: $0) }.joined(separator: "\n")
    for binding in KeyTable.continuations(of: KeyPress("g"), in: .bench) {
      #expect(text.contains(binding.command.summary))
      #expect(frame.hits.contains { $0.target == .command(binding.command) })
    }
    driver.apply(.commandClicked(.moveToTop))
    #expect(driver.state.prefix == nil && driver.state.list.cursor == 0)
  }
}
