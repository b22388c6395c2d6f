import Testing
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

/// Columns are sorted by a click on their headings.
struct HeadingTests {
  private let size = ScreenSize(columns: 160, rows: 48)

  private func frame(_ driver: Driver) -> Frame {
    WorkbenchView.frame(of: driver.state, size: size, glyphs: .unicode)
  }

  /// Clicks the first cell of `heading` in `row`.
  private func click(_ heading: String, row: Int, _ driver: inout Driver) throws {
    let frame = frame(driver)
    let cells = frame.buffer.row(row).map { Character($0.scalar) }
    let start = try #require(
      cells.indices.first { cells[$0...].starts(with: heading) }, "no heading \(heading)")
    guard case .command(let command)? = frame.target(column: start, row: row) else {
      Issue.record("\(heading) answers no click")
      return
    }
    driver.apply(.commandClicked(command))
  }

  @Test(arguments: [
    ("layer", LayerOrder.name), ("role", .role), ("format", .format), ("bits", .format),
    ("bytes", .bytes), ("share", .bytes), ("865432", .sensitivity),
  ])
  func aClickSortsASecondReversesAThirdIsAsTheModel(heading: String, order: LayerOrder) throws {
    var driver = Driver(blocks: 30)
    let asLoaded = driver.state.list.shown
    try click(heading, row: 2, &driver)
    #expect(driver.state.list.order == order && !driver.state.list.isReversed)
    let sorted = driver.state.list.shown
    #expect(frame(driver).buffer.text(ofRow: 2).contains(order.isFalling ? "▾" : "▴"))
    try click(heading, row: 2, &driver)
    #expect(driver.state.list.isReversed && driver.state.list.shown == sorted.reversed())
    #expect(frame(driver).buffer.text(ofRow: 2).contains(order.isFalling ? "▴" : "▾"))
    try click(heading, row: 2, &driver)
    #expect(driver.state.list.order == .model && driver.state.list.shown == asLoaded)
    #expect(!frame(driver).buffer.text(ofRow: 2).contains { "▾▴".contains($0) })
  }

  @Test func theKeyShowsTheSameMark() {
    var driver = Driver(blocks: 30)
    driver.press("o o o o")
    #expect(driver.state.list.order == .bytes)
    #expect(frame(driver).buffer.text(ofRow: 2).contains("bytes▾"))
    driver.press("O")
    #expect(frame(driver).buffer.text(ofRow: 2).contains("bytes▴"))
  }

  @Test func differencesAreSortedByTheirHeadings() throws {
    var driver = Driver(blocks: 30)
    driver.press("3 j 4 j 2 D")
    #expect(frame(driver).buffer.text(ofRow: 6).contains("bytes▾"))
    try click("KL alone", row: 6, &driver)
    #expect(driver.state.comparison?.order == .loss)
    #expect(frame(driver).buffer.text(ofRow: 6).contains("KL alone▾"))
    try click("layer", row: 6, &driver)
    #expect(driver.state.comparison?.order == .model)
  }

  @Test func aDialogOverTheHeadingsKeepsThemFromSorting() {
    var driver = Driver(blocks: 30)
    driver.press("?")
    driver.apply(.commandClicked(.sortBy(.bytes)))
    #expect(driver.state.list.order == .model)
  }
}
