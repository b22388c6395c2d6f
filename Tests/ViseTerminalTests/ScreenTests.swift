import Glibc
import Testing
import ViseEstimates
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

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
