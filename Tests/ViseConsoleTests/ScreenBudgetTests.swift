import Glibc
import Testing
import ViseConsole
import ViseEstimates
import ViseTerminal
import ViseWorkbench
import WorkbenchTestSupport

/// Bytes that one step on one screen may take, at 80x24 and at 160x48.
private struct Budget {
  let small: Int
  let large: Int

  init(_ small: Int, _ large: Int) {
    self.small = small
    self.large = large
  }

  /// Most of the screen is another one then.
  static let page = Budget(4500, 11_000)
  static let dialog = Budget(3200, 3800)
  static let move = Budget(700, 900)
  static let edit = Budget(500, 1100)
}

/// A screen, how it is come to, and what is done there.
private struct BudgetedScreen {
  let name: String
  /// From the bench with its cursor on the second layer.
  let open: String
  let opened: Budget
  var move = "j"
  var moved = Budget.move
  var edit: String?
  var edited = Budget.edit
}

extension PresenterTests {
  private static let screens: [BudgetedScreen] = [
    BudgetedScreen(
      name: "layer", open: "i", opened: .page, moved: Budget(900, 2300), edit: "3"),
    // A layer treated alike drops out of the list, and those below it move up.
    BudgetedScreen(
      name: "compare", open: "D", opened: Budget(2500, 4500), edit: "t", edited: Budget(700, 1800)),
    BudgetedScreen(name: "history", open: "H", opened: Budget(2000, 2500), edit: "u"),
    // Each cell has a colour of its own.
    BudgetedScreen(name: "heat", open: "S", opened: Budget(7000, 16_000), edit: "3"),
    BudgetedScreen(name: "jobs", open: "J", opened: Budget(3500, 7500)),
    BudgetedScreen(name: "frontier", open: "g p", opened: Budget(4000, 9000), move: "l"),
    BudgetedScreen(name: "search", open: "s", opened: .dialog, move: "space"),
    BudgetedScreen(name: "themes", open: "g t", opened: .dialog, move: "k"),
    BudgetedScreen(name: "help", open: "?", opened: Budget(3500, 10_000)),
    BudgetedScreen(name: "log", open: "L", opened: Budget(1500, 2500), move: "k"),
    BudgetedScreen(name: "export", open: "e", opened: .dialog, move: "x"),
    BudgetedScreen(name: "formats", open: "f", opened: .dialog, moved: Budget(850, 900)),
    BudgetedScreen(name: "methods", open: "m", opened: .dialog),
    // A letter typed finds other commands, or other layers.
    BudgetedScreen(
      name: "palette", open: ":", opened: .dialog, move: "u", moved: Budget(1200, 1200)),
    BudgetedScreen(
      name: "filter", open: "/", opened: Budget(500, 500), move: "7", moved: Budget(2000, 4000)),
    BudgetedScreen(name: "typed value", open: "t", opened: Budget(500, 500), move: "k"),
    BudgetedScreen(
      name: "second keys", open: "g", opened: Budget(1500, 2000), move: "g",
      moved: Budget(2500, 6000)),
    BudgetedScreen(name: "quit", open: "q", opened: .dialog),
  ]

  /// A workbench on which every screen has something to show.
  private func worked(_ size: ScreenSize) -> Driver {
    var driver = Driver(blocks: 30, listRows: Layout(size: size).listRows)
    let layout = Layout(size: size)
    driver.apply(
      .screenResized(
        listRows: layout.listRows, overlayRows: layout.overlayRows,
        helpColumns: layout.helpColumns))
    driver.apply(.themesFound(["aurora", "light", "mono", "vise-dark"], current: "vise-dark"))
    for line in 1...80 { driver.apply(.engineReported(.log("line \(line) of the log"))) }
    driver.limit("75%", then: "3 j j 4 k 5")
    driver.apply(
      .engineReported(
        .queue(QueuedWork.Kind.allCases.map { QueuedWork(kind: $0, remaining: 12) })))
    for job in 11...12 {
      driver.apply(
        .engineReported(
          .progress(
            JobProgress(
              job: job, activity: "exporting", completed: 3, total: 8, secondsRemaining: 9))))
    }
    driver.reportMeasuredPlans()
    return driver
  }

  @Test(arguments: [ScreenSize(columns: 80, rows: 24), ScreenSize(columns: 160, rows: 48)])
  func everyScreenStaysWithinItsByteBudget(size: ScreenSize) throws {
    let isLarge = size.columns > 80
    for term in ["xterm-256color", "tmux-256color"] {
      var report = "\(term) \(size.columns)x\(size.rows):"
      try withTerminal(term, size: size) { presenter, output in
        for screen in Self.screens {
          var driver = worked(size)
          func bytes(_ keys: String) -> Int {
            driver.press(keys)
            presenter.present(
              WorkbenchView.frame(of: driver.state, size: size, glyphs: .unicode))
            return output().count
          }
          func check(_ step: String, _ keys: String, _ budget: Budget) {
            let count = bytes(keys)
            let limit = isLarge ? budget.large : budget.small
            #expect(count <= limit, "\(term): \(screen.name), \(step): \(count)")
            report += " \(screen.name) \(step) \(count)"
          }
          _ = bytes("")
          check("open", screen.open, screen.opened)
          if screen.name == "search" { driver.reportSearch(trials: 23) }
          if screen.name == "frontier" { driver.reportMeasuredPlans() }
          _ = bytes("")
          check("move", screen.move, screen.moved)
          if let edit = screen.edit { check("edit", edit, screen.edited) }
          #expect(bytes("") == 0, "\(screen.name) sends bytes at rest")
          report += ";"
        }
      }
      if getenv("VISE_PRINT_BYTES") != nil { print(report) }
    }
  }

  @Test(arguments: [ScreenSize(columns: 80, rows: 24), ScreenSize(columns: 160, rows: 48)])
  func openingAModelStaysWithinItsByteBudget(size: ScreenSize) throws {
    let isLarge = size.columns > 80
    try withTerminal("xterm-256color", size: size) { presenter, output in
      var driver = Driver(choosing: PickerFixture.listing)
      func bytes(_ keys: String) -> Int {
        driver.press(keys)
        presenter.present(WorkbenchView.frame(of: driver.state, size: size, glyphs: .unicode))
        return output().count
      }
      let paint = bytes("")
      let moved = bytes("j")
      #expect(paint <= (isLarge ? 18_000 : 6_000))
      #expect(moved <= (isLarge ? Budget.move.large : Budget.move.small))
      #expect(bytes("") == 0)
      if getenv("VISE_PRINT_BYTES") != nil { print("open \(paint), move \(moved)") }
    }
  }
}
