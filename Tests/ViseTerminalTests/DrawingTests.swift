import Glibc
import Testing

@testable import ViseTerminal

struct DrawingTests {
  @Test(arguments: [
    (0.0, "0"), (0.00002, "2.0e-5"), (0.00123, "0.0012"), (0.0123, "0.0123"), (0.123, "0.123"),
    (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (-0.5, "−0.500"), (9.9999e-4, "1.0e-3"),
  ])
  func figuresAreWrittenWithinSixColumns(value: Double, text: String) {
    #expect(Numbers.compact(value) == text)
  }

  @Test func compactFiguresNeverGetWiderThanEight() {
    for exponent in -30...30 {
      for digit in [1.0, 1.5, 9.94, 9.95, 9.995, 9.9999] {
        let text = Numbers.compact(digit * pow(10, Double(exponent)))
        #expect(text.unicodeScalars.count <= 8, "\(text)")
      }
    }
    #expect(Numbers.compact(.nan) == "nan")
    #expect(Numbers.compact(.infinity) == "inf")
  }

  @Test(arguments: [
    (999, "999 B"), (1000, "1.00 kB"), (999_949, "999.9 kB"), (999_950, "1.00 MB"),
    (112_412_672, "112.4 MB"), (0, "0 B"),
  ])
  func bytesHaveDecimalUnits(count: Int, text: String) {
    #expect(Numbers.bytes(count) == text)
  }

  @Test func longTextWrapsAtSpacesAndLosesNothing() {
    var canvas = Canvas(size: ScreenSize(columns: 12, rows: 5), glyphs: .unicode)
    canvas.putWrapped("one two three fourteenletters 漢字", .text, column: 1, rows: 0..<5, limit: 10)
    let lines = (0..<5).map { canvas.buffer.text(ofRow: $0) }
    #expect(lines[0].hasPrefix(" one two"))
    #expect(lines.joined().filter { $0 != " " } == "onetwothreefourteenletters漢字")
  }

  @Test(arguments: [
    (0.00163, 6, "0.0016"), (0.00163, 5, "0.002"), (0.00163, 3, "≈0"), (1234.5, 4, "1235"),
    (1234.5, 3, "…"), (0.156, 4, "0.16"),
  ])
  func narrowFiguresAreRoundedAndNeverCut(value: Double, columns: Int, text: String) {
    #expect(Numbers.compact(value, within: columns) == text)
  }

  @Test func numbersAreGroupedByThousands() {
    #expect(Numbers.grouped(1_234_567) == "1 234 567")
    #expect(Numbers.grouped(-12) == "−12")
    #expect(Numbers.grouped(Int.min).hasPrefix("−9 223"))
  }

  @Test func logarithmAgreesWithTheLibrary() {
    for exponent in stride(from: -12.0, through: 6, by: 0.013) {
      let value = pow(10, exponent)
      #expect(abs(Bars.logarithm(value) - log10(value)) < 1e-6)
    }
  }

  @Test func barIsAlwaysAsWideAsAsked() {
    for columns in 0...40 {
      for share in stride(from: -0.2, through: 1.3, by: 0.037) {
        let (filled, track) = Bars.bar(share, columns: columns)
        #expect(Canvas.columns(of: filled + track) == columns)
      }
    }
    #expect(Bars.bar(.nan, columns: 4).filled.isEmpty)
  }

  @Test func gaugeKeepsItsMarksOnTheTrack() {
    for value in [-1.0, 0, 0.5, 1, 7, .nan, .infinity] {
      let cells = Bars.gauge(value: value, lower: -3, upper: value, ticks: [0.5], columns: 9)
      #expect(cells.count == 9)
      #expect(cells.count { $0.scalar == "●" } == 1)
    }
  }

  @Test func stripRisesWithDivergence() {
    let levels = [0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10].map(Bars.stripLevel)
    #expect(levels == levels.sorted())
    #expect(levels.first == 0)
    #expect(levels.last == 7)
  }

  @Test func wideCharactersAreNeverHalved() {
    var canvas = Canvas(size: ScreenSize(columns: 6, rows: 1), glyphs: .unicode)
    canvas.put("日本語", column: 0, row: 0)
    canvas.put("x", column: 1, row: 0)
    #expect(canvas.buffer.text(ofRow: 0) == " x本語")
    canvas.put("日", column: 5, row: 0)
    #expect(canvas.buffer.row(0).reduce(0) { $0 + Int($1.width) } == 6)
  }

  @Test func longTextLosesItsMiddle() {
    var canvas = Canvas(size: ScreenSize(columns: 10, rows: 1), glyphs: .unicode)
    canvas.putShortened("blk.10.attn_output", .text, column: 0, row: 0, limit: 9)
    #expect(canvas.buffer.text(ofRow: 0) == "blk.…tput")
  }
}
