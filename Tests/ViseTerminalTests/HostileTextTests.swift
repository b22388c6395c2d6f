import Testing
import ViseCompression
import ViseEstimates
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

struct HostileTextTests {
  static let names = [
    "\u{1B}[2Jwiped", "a\u{202E}gnp.exe", "nul\u{0}", "tab\tnewline\nreturn\r", "c1\u{9B}31m",
    "zero\u{200B}width\u{FEFF}", "combining e\u{301}\u{301}\u{301}", "日本語の層", "👩‍👩‍👧‍👦 family",
    "\u{E0041}tags", "", String(repeating: "x", count: 10_000),
  ]

  @Test(arguments: names)
  func modelNameNeverMovesTheCursorOrChangesTheLayout(name: String) {
    let summary = FixtureModel.summary(blocks: 1)
    let hostile = ModelSummary(
      name: name, architecture: name, path: name, fingerprint: name, parameterCount: 1,
      fileByteCount: 1, blockCount: 1, sites: summary.sites, sizeModel: summary.sizeModel,
      evaluationUnavailable: name)
    var state = WorkbenchState(modelPath: name)
    _ = state.apply(.engineReported(.log(name)))
    _ = state.apply(.engineReported(.activity(name)))
    _ = state.apply(.engineReported(.opened(hostile)))
    for glyphs in GlyphSet.allCases {
      for size in ScreenTests.sizes {
        let frame = WorkbenchView.frame(of: state, size: size, glyphs: glyphs)
        for row in 0..<size.rows {
          let cells = frame.buffer.row(row)
          #expect(cells.reduce(0) { $0 + Int($1.width) } == size.columns)
          for cell in cells {
            let value = cell.scalar.value
            #expect(value >= 0x20 && !(0x7F..<0xA0).contains(value))
            #expect(cell.scalar.properties.generalCategory != .format)
          }
        }
      }
    }
  }
}
