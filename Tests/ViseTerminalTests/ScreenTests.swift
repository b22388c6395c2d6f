import Glibc
import Testing
import ViseEstimates
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

/// The screens the snapshots show.
enum Screen: String, CaseIterable, Sendable {
  case opening, bench, edited, compound, detail, computing, formats, methods, prompt, export,
    exists, help, palette, quit, resume, filter, limited, searching, frontier, themes, compare,
    history, heat, jobs,
    choosing

  func state(size: ScreenSize, blocks: Int = 30) -> WorkbenchState {
    let layout = Layout(size: size)
    var driver = Driver(blocks: blocks, listRows: layout.listRows, isOpen: self != .opening)
    driver.apply(
      .screenResized(
        listRows: layout.listRows, overlayRows: layout.overlayRows,
        helpColumns: layout.helpColumns))
    switch self {
    case .opening, .bench: break
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

struct ScreenTests {
  static let sizes = [
    ScreenSize(columns: 60, rows: 16), ScreenSize(columns: 80, rows: 24),
    ScreenSize(columns: 120, rows: 36), ScreenSize(columns: 160, rows: 48),
  ]

  /// A snapshot's text: the screen, then the style of each cell as a letter.
  ///
  /// Styles are the same in both glyph sets, so one of them shows them.
  static func picture(_ frame: Frame, glyphs: GlyphSet) -> String {
    let rows = (0..<frame.buffer.size.rows).map { frame.buffer.text(ofRow: $0) }
    let styles = WorkbenchView.stylePlane(of: frame.buffer)
    let plane = glyphs == .unicode ? ["=== styles"] + styles : []
    return (rows + plane).joined(separator: "\n") + "\n"
  }

  @Test(arguments: Screen.allCases, sizes)
  func looksLikeItsSnapshot(screen: Screen, size: ScreenSize) throws {
    for glyphs in GlyphSet.allCases {
      let frame = WorkbenchView.frame(of: screen.state(size: size), size: size, glyphs: glyphs)
      let name = "\(screen.rawValue)-\(size.columns)x\(size.rows)-\(glyphs.rawValue).screen"
      let path = Files.goldens + name
      let picture = Self.picture(frame, glyphs: glyphs)
      if getenv("VISE_RECORD_SNAPSHOTS") != nil {
        Files.write(picture, to: path)
      } else {
        let expected = Files.read(path)
        #expect(expected == picture, "\(name); VISE_RECORD_SNAPSHOTS=1 records it anew")
      }
    }
  }

  @Test(arguments: Screen.allCases)
  func everySizeIsFilledExactlyWithoutTrapping(screen: Screen) {
    var state = screen.state(size: ScreenSize(columns: 80, rows: 24), blocks: 2)
    let narrow = (1...70).flatMap { columns in [1, 7, 16].map { (columns, $0) } }
    let short = (1...80).map { (79, $0) }
    let wide = [80, 81, 87, 88, 97, 98, 119, 120, 121, 150, 200].flatMap { columns in
      [15, 24, 30, 47].map { (columns, $0) }
    }
    for (columns, rows) in narrow + short + wide {
      let size = ScreenSize(columns: columns, rows: rows)
      let layout = Layout(size: size)
      _ = state.apply(
        .screenResized(
          listRows: layout.listRows, overlayRows: layout.overlayRows,
          helpColumns: layout.helpColumns))
      let frame = WorkbenchView.frame(of: state, size: size, glyphs: .unicode)
      for row in 0..<rows {
        var width = 0
        for cell in frame.buffer.row(row) { width += Int(cell.width) }
        if width != columns { Issue.record("\(columns)x\(rows): row \(row) is \(width) wide") }
      }
      if frame.cursorRow >= rows || frame.cursorColumn >= columns {
        Issue.record("\(columns)x\(rows): cursor outside")
      }
    }
  }

  @Test(arguments: Screen.allCases, sizes)
  func asciiScreenHasTheSameLayout(screen: Screen, size: ScreenSize) {
    let state = screen.state(size: size)
    let unicode = WorkbenchView.frame(of: state, size: size, glyphs: .unicode)
    let ascii = WorkbenchView.frame(of: state, size: size, glyphs: .ascii)
    #expect(ascii.hits == unicode.hits)
    for (plain, fancy) in zip(ascii.buffer.cells, unicode.buffer.cells) {
      let isTwin =
        plain.scalar.isASCII && plain.role == fancy.role
        && (plain.scalar == " ") == (fancy.scalar == " ")
        && (plain.scalar != "?" || fancy.scalar == "?")
      if !isTwin { Issue.record("\(fancy.scalar) became \(plain.scalar)") }
    }
  }

  @Test func ordinaryRowsHaveFewStyleChanges() {
    let size = ScreenSize(columns: 160, rows: 48)
    let frame = WorkbenchView.frame(
      of: Screen.edited.state(size: size), size: size, glyphs: .unicode)
    let changes = (0..<size.rows).map { row in
      let roles = frame.buffer.row(row).map(\.role)
      return zip(roles, roles.dropFirst()).count { $0 != $1 }
    }
    let mean = Double(changes.reduce(0, +)) / Double(size.rows)
    #expect(mean <= 20, "\(mean) style changes a row")
  }

  @Test func clickOnARowFindsIt() {
    let size = ScreenSize(columns: 80, rows: 24)
    let frame = WorkbenchView.frame(
      of: Screen.bench.state(size: size), size: size, glyphs: .unicode)
    #expect(frame.target(column: 40, row: 3) == .listRow(0))
    #expect(frame.target(column: 0, row: 16) == .listRow(13))
    #expect(frame.target(column: 40, row: 17) == nil)
    #expect(frame.target(column: 1, row: 23) == .command(.moveDown))
  }

  @Test func openingFailureIsShownWithItsReason() {
    let size = ScreenSize(columns: 80, rows: 24)
    var driver = Driver(isOpen: false)
    driver.apply(.engineReported(.openFailed("fixture.gguf: not a GGUF file")))
    let frame = WorkbenchView.frame(of: driver.state, size: size, glyphs: .unicode)
    let text = (0..<24).map { frame.buffer.text(ofRow: $0) }.joined(separator: "\n")
    #expect(text.contains("not a GGUF file"))
  }
}

/// Files beside this source.
enum Files {
  static let goldens = folder + "/Goldens/"
  static let themes = folder + "/../../Themes/"

  private static let folder: String = {
    let file = "\(#filePath)"
    return String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
  }()

  static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  static func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
  }
}
