import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

/// Typed commands about the plan or the screen, each the twin of one without a screen.
struct WholeCommandTests {
  private func driver(_ command: String, after keys: String = "") -> Driver {
    var driver = Driver()
    driver.apply(.themesFound(["dark", "light"], current: "dark"))
    driver.press(keys)
    driver.clearEffects()
    driver.press(":")
    driver.type(command)
    driver.press("enter")
    return driver
  }

  private func note(_ driver: Driver) -> String {
    if case .note(let text)? = driver.state.message { text } else { "" }
  }

  @Test func dryRunSaysWhatWouldBeWrittenAndWritesNothing() {
    // The second layer's rows fit no k-quant: it gets another format than asked.
    var driver = driver("export --dry-run", after: "j 3")
    #expect(driver.state.overlay == nil)
    #expect(driver.effects == [.checkExportPath("fixture-vise.gguf")])
    driver.apply(.exportPathChecked(path: "fixture-vise.gguf", exists: true, problem: nil))
    let bytes = driver.state.plannedByteCount ?? 0
    #expect(note(driver).hasPrefix("dry run: \(bytes) bytes of gguf, 1 of 29 layers treated"))
    #expect(note(driver).contains(", 1 ≠ as asked (L lists them), to fixture-vise.gguf"))
    #expect(note(driver).hasSuffix(", which exists"))
    #expect(driver.state.log.contains { $0.hasPrefix("dry run: blk.0.attn_q.weight") })
    #expect(driver.state.jobs.isEmpty)
    driver.press(":")
    driver.type("export --dry-run /none/x.gguf")
    driver.press("enter")
    driver.apply(.exportPathChecked(path: "/none/x.gguf", exists: false, problem: "No such file"))
    #expect(driver.state.message == .refusal("nothing could be written: No such file"))
  }

  @Test func exportWritesUnlessThereIsSomethingToAsk() {
    var driver = driver("export out file.gguf", after: "j 4")
    #expect(driver.effects == [.checkExportPath("out file.gguf")])
    driver.apply(.exportPathChecked(path: "out file.gguf", exists: false, problem: nil))
    #expect(driver.state.overlay == nil && driver.state.jobs.count == 1)
    driver = self.driver("export there.gguf", after: "j 4")
    driver.apply(.exportPathChecked(path: "there.gguf", exists: true, problem: nil))
    guard case .export(let dialog)? = driver.state.overlay else {
      Issue.record("no dialog")
      return
    }
    #expect(dialog.pathState == .exists)
  }

  @Test func presetAndPlanFileAreTakenAsOneEdit() {
    let preset = driver("preset Q2_K", after: "j 3")
    #expect(preset.state.document.plan == SearchFixture.plan(0.5, preset.summary))
    #expect(preset.state.document.edits.last?.label == "Q2_K")
    #expect(preset.state.page == nil)
    let missing = driver("plan none.toml", after: "j 3")
    #expect(missing.state.message == .refusal("none.toml: no such file"))
    #expect(missing.state.document.edits.count == 1)
  }

  @Test func planAndScreenAreSaved() {
    let plan = driver("save mine.toml", after: "j 3")
    #expect(
      plan.effects
        == [.savePlan(plan.state.document.plan, path: "mine.toml", overwrite: false)])
    let screen = driver("screenshot --overwrite a.svg")
    #expect(screen.effects == [.saveScreen(path: "a.svg", overwrite: true)])
    #expect(screen.state.overlay == nil)
  }

  @Test func searchSortAndThemeAreOneCommandEach() {
    let search = driver("search 75%")
    #expect(search.state.search?.isRunning == true && !search.state.limits.isEmpty)
    let sorted = driver("sort bytes reversed")
    #expect(sorted.state.list.order == .bytes && sorted.state.list.isReversed)
    let theme = driver("theme light")
    #expect(theme.state.theme == "light" && theme.effects == [.showTheme("light")])
  }

  @Test(arguments: [
    "preset nowhere", "theme nowhere", "sort sideways", "sort bytes twice", "save --twice x",
    "export --wet x", "save --overwrite", "search parrots", "screenshot --overwrite",
  ])
  func whatCannotBeDoneStaysInTheFieldWithItsReason(command: String) {
    let driver = driver(command)
    guard case .palette? = driver.state.overlay, case .refusal? = driver.state.message else {
      Issue.record("\(command): \(String(describing: driver.state.message))")
      return
    }
    #expect(driver.effects.isEmpty)
  }

  @Test func thePaletteShowsWhatCanBeTyped() {
    var driver = Driver()
    driver.press(":")
    driver.type("ex")
    guard case .palette(let palette)? = driver.state.overlay else {
      Issue.record("no palette")
      return
    }
    #expect(palette.usages == [TypedCommand.Verb.export.usage])
    #expect(palette.matches.first?.command == .openExport)
  }

  @Test func everyVerbIsShownWithItsUsage() {
    for verb in TypedCommand.Verb.allCases {
      #expect(verb.usage.hasPrefix("\(verb.rawValue) "))
    }
  }
}
