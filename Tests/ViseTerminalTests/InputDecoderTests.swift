import Testing
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

struct InputDecoderTests {
  /// A stream with every kind of input; none of its sequences is left open at the end.
  static let stream: [UInt8] = Array(
    ("jk3\u{1B}[A\u{1B}OB\u{1B}[1;5C\u{1B}[3~\u{1B}x\u{1B}[Z\u{1B}[200~paste \u{1B}[A é\n\u{1B}[201~é日"
      + "\u{1B}[<0;300;40M\u{1B}[<0;300;40m\u{1B}[<64;1;1M\u{1B}[I\u{1B}[O\u{1B}[?2026;2$y\u{1B}[0n"
      + "\u{1B}]11;rgb:0/0/0\u{7}\u{1B}P1$r\u{1B}\\\u{1B}[M !!q\r\t\u{7F}\u{3}\u{1B}[13;5uZ").utf8)

  static let expected: [InputEvent] = [
    .key(KeyPress("j")), .key(KeyPress("k")), .key(KeyPress("3")), .key(KeyPress(.up)),
    .key(KeyPress(.down)), .key(KeyPress(.right, .control)), .key(KeyPress(.delete)),
    .key(KeyPress("x", .alt)), .key(KeyPress(.tab, .shift)), .paste("paste \u{1B}[A é\n"),
    .key(KeyPress("é")), .key(KeyPress("日")), .mouse(MouseEvent(.press, column: 299, row: 39)),
    .mouse(MouseEvent(.release, column: 299, row: 39)),
    .mouse(MouseEvent(.wheelUp, column: 0, row: 0)), .focus(true), .focus(false),
    .modeReport(mode: 2026, value: 2), .statusReport, .key(KeyPress("q")), .key(KeyPress(.enter)),
    .key(KeyPress(.tab)), .key(KeyPress(.backspace)), .key(.control("c")),
    .key(KeyPress(.enter, .control)), .key(KeyPress("Z")),
  ]

  @Test func wholeStreamGivesItsEvents() {
    var decoder = InputDecoder()
    #expect(decoder.feed(Self.stream) == Self.expected)
    #expect(!decoder.isWaiting)
  }

  @Test func byteAtATimeGivesTheSameEvents() {
    var decoder = InputDecoder()
    #expect(Self.stream.flatMap { decoder.feed([$0]) } == Self.expected)
  }

  @Test func everyCutInThreeGivesTheSameEvents() {
    for first in 0...Self.stream.count {
      for second in first...Self.stream.count {
        var decoder = InputDecoder()
        let events =
          decoder.feed(Self.stream[..<first]) + decoder.feed(Self.stream[first..<second])
          + decoder.feed(Self.stream[second...])
        if events != Self.expected {
          Issue.record("cut at \(first) and \(second)")
          return
        }
      }
    }
  }

  @Test func loneEscIsAKeyOnlyAfterTheWait() {
    var decoder = InputDecoder()
    #expect(decoder.feed([0x1B]).isEmpty)
    #expect(decoder.isWaiting)
    #expect(decoder.timeOut() == [.key(KeyPress(.escape))])
    #expect(!decoder.isWaiting)
  }

  @Test(arguments: ["\u{1B}[", "\u{1B}O", "\u{1B}[1;", "\u{1B}[<0;3", "\u{1B}]52;c;AA", "\u{E9}"])
  func sequenceCutShortIsDroppedAndNeverTyped(text: String) {
    var decoder = InputDecoder()
    let events = decoder.feed(Array(text.utf8).dropLast(text == "\u{E9}" ? 1 : 0))
    #expect(events.isEmpty)
    #expect(decoder.timeOut().isEmpty)
    #expect(decoder.feed([UInt8(ascii: "j")]) == [.key(KeyPress("j"))])
  }

  @Test func pasteWaitsForItsEndHoweverLate() {
    var decoder = InputDecoder()
    #expect(decoder.feed(Array("\u{1B}[200~abc".utf8)).isEmpty)
    #expect(!decoder.isWaiting)
    #expect(decoder.timeOut().isEmpty)
    #expect(decoder.feed(Array("def\u{1B}[201~".utf8)) == [.paste("abcdef")])
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func garbageGivesTheSameEventsHoweverCut(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet: [UInt8] = [
      0x1B, 0x5B, 0x4F, 0x3B, 0x3C, 0x4D, 0x32, 0x30, 0x7E, 0x5D, 0x07, 0xC3,
    ]
    let bytes = (0..<400).map { _ in
      Bool.random(using: &generator)
        ? alphabet.randomElement(using: &generator) ?? 0
        : UInt8.random(in: 0...255, using: &generator)
    }
    var whole = InputDecoder()
    let expected = whole.feed(bytes)
    var pieces = InputDecoder()
    var events: [InputEvent] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Int.random(in: 1...7, using: &generator)
      events += pieces.feed(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    #expect(events == expected)
    #expect(pieces.isWaiting == whole.isWaiting)
  }
}
