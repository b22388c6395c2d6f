import Testing
import WorkbenchTestSupport

@testable import ViseTerminal

struct ScreenPictureTests {
  private func svg(_ draw: (inout Canvas) -> Void, theme: Theme = .builtIn) -> String {
    var canvas = Canvas(size: ScreenSize(columns: 20, rows: 2), glyphs: .unicode)
    draw(&canvas)
    return ScreenPicture.svg(canvas.buffer, theme: theme)
  }

  @Test func textOfFilesCannotLeaveItsElement() {
    let picture = svg { $0.put("</text><script>&\"", column: 0, row: 0) }
    #expect(picture.contains("&lt;/text&gt;&lt;script&gt;&amp;"))
    #expect(!picture.contains("<script"))
  }

  @Test func everyElementIsClosed() {
    let picture = svg { $0.titledRule("layers", column: 0, row: 0, columns: 20) }
    let opened = picture.split(separator: "<").filter { !$0.hasPrefix("/") && !$0.contains("/>") }
    let closed = picture.split(separator: "<").filter { $0.hasPrefix("/") }
    #expect(opened.count == closed.count)
  }

  @Test func barsAndLinesFillTheirShareOfTheCell() throws {
    for eighths in 1...8 {
      let low = try #require(Unicode.Scalar(0x2580 + UInt32(eighths)))
      let part = try #require(GlyphShape(low)?.parts.first)
      #expect(
        part == .init(x: 0, y: 1 - Double(eighths) / 8, width: 1, height: Double(eighths) / 8))
      guard eighths < 8, let left = Unicode.Scalar(0x2590 - UInt32(eighths)) else { continue }
      #expect(try #require(GlyphShape(left)?.parts.first).width == Double(eighths) / 8)
    }
    #expect(try #require(GlyphShape("░")).opacity == 0.25)
    #expect(GlyphShape("a") == nil && GlyphShape("●") == nil)
  }

  @Test func everyLineCharacterVisesScreensUseReachesTheEdgesItShould() throws {
    for scalar in GlyphSet.asciiTwins.keys where (0x2500...0x254F).contains(scalar.value) {
      if scalar == "╎" { continue }
      let parts = try #require(GlyphShape(scalar)?.parts, "\(scalar)")
      let touches =
        (parts.contains { $0.x == 0 } ? "l" : "")
        + (parts.contains { $0.x + $0.width == 1 } ? "r" : "")
        + (parts.contains { $0.y == 0 } ? "u" : "")
        + (parts.contains { $0.y + $0.height == 1 } ? "d" : "")
      let expected: [Unicode.Scalar: String] = [
        "─": "lr", "━": "lr", "│": "ud", "┃": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu",
        "├": "rud", "┤": "lud", "┣": "rud", "┫": "lud",
      ]
      #expect(touches == expected[scalar], "\(scalar)")
    }
  }

  @Test func runsAreAsWideAsTheirCells() {
    let picture = svg { $0.put("abc日", .title, column: 2, row: 1) }
    // Five columns of 8.4, after two of them and the margin.
    #expect(picture.contains("x=\"28.8\"") || picture.contains("x=\"28.80\""))
    #expect(picture.contains("textLength=\"42\""))
    #expect(picture.contains(">abc日</text>"))
  }

  @Test func reversedTextSwapsItsColours() {
    var theme = Theme()
    theme.ground = .rgb(red: 0, green: 0, blue: 0)
    theme[.selection] = RoleStyle(.rgb(red: 255, green: 0, blue: 0))
    theme[.selection].isReversed = true
    let picture = svg({ $0.put("x", .selection, column: 0, row: 0) }, theme: theme)
    #expect(picture.contains("fill=\"#ff0000\"/>"))
    #expect(picture.contains("fill=\"#000000\">x</text>"))
  }
}
