import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct WorkbenchTests {
  @Test func filterShowsOnlyWhatMatchesAndEscClearsIt() {
    var driver = Driver()
    driver.press("/")
    driver.type("ffn !up")
    driver.press("enter")
    let names = driver.state.list.shown.map { driver.summary.sites[$0].name }
    #expect(names.count == 8)
    #expect(names.allSatisfy { $0.contains("ffn") && !$0.contains("up") })
    driver.press("esc")
    #expect(driver.state.list.shown.count == driver.summary.sites.count)
  }

  @Test(arguments: ["kl>0.02", "kl<0.02", "bytes>300kb", "bits<7", "!bits<7", "@treated"])
  func filterComparesFiguresAndLetsNothingUnknownPass(filter: String) throws {
    var driver = Driver()
    driver.press("j 3 j 4 /")
    driver.type(filter)
    driver.press("enter")
    let state = driver.state
    let passing = state.sites.filter { site in
      let kl = DefaultFormat.bitWidths.lazy.compactMap {
        state.sensitivity(of: site, bits: $0)?.value
      }.first
      switch filter {
      case "kl>0.02": return kl.map { $0 > 0.02 } ?? false
      case "kl<0.02": return kl.map { $0 < 0.02 } ?? false
      case "bytes>300kb": return state.byteCount(of: site) > 300_000
      case "bits<7": return state.bitsPerWeight(of: site) < 7
      case "!bits<7": return state.bitsPerWeight(of: site) >= 7
      default: return state.document.plan[site.name] != .keep
      }
    }
    #expect(state.list.shown == passing.map(\.index))
    #expect(!passing.isEmpty && passing.count < state.sites.count)
  }

  @Test(arguments: LayerOrder.allCases)
  func everyOrderShowsEachLayerOnce(order: LayerOrder) {
    var driver = Driver()
    driver.press("j 3 j j 2")
    while driver.state.list.order != order { driver.press("o") }
    #expect(driver.state.list.shown.sorted() == driver.summary.sites.map(\.index))
    let treated = driver.state.list.shown.map {
      driver.state.document.plan[driver.summary.sites[$0].name] != .keep
    }
    if order == .treated { #expect(treated.prefix(2) == [true, true]) }
    let roles = driver.state.list.shown.map { driver.summary.sites[$0].role }
    if order == .role {
      let changes = zip(roles, roles.dropFirst()).count { $0 != $1 }
      #expect(changes == Set(roles).count - 1)
    }
  }

  @Test func filterKeepsTheCursorOnItsLayer() {
    var driver = Driver()
    driver.press("j j j j j")
    let selected = driver.state.list.selected
    driver.press("/")
    driver.type("gate")
    #expect(driver.state.list.selected == selected)
    driver.press("esc")
    #expect(driver.state.list.selected == selected)
  }

  @Test func escNeverQuits() {
    var driver = Driver()
    for _ in 0..<5 { driver.press("esc") }
    #expect(!driver.effects.contains { if case .quit = $0 { true } else { false } })
  }

  @Test func quitAsksWhereEditsWereNeverExported() {
    var driver = Driver()
    driver.press("3 q")
    #expect(driver.state.overlay == .quit)
    driver.press("q")
    #expect(driver.state.overlay == .quit)
    driver.press("s")
    #expect(driver.effects.last == .quit(exitCode: 0))
  }

  @Test func quitDoesNotAskWhereNothingWouldBeLost() {
    var driver = Driver()
    driver.press("3 u q")
    #expect(driver.effects.last == .quit(exitCode: 0))
  }

  @Test func discardingRemovesTheJournalBeforeQuitting() {
    var driver = Driver()
    driver.press("3 q d")
    #expect(driver.effects.suffix(2) == [.discardJournal, .quit(exitCode: 0)])
  }

  @Test func controlCTwiceWithinASecondAsksToQuit() {
    var driver = Driver()
    driver.apply(.keyPressed(.control("c"), seconds: 10))
    #expect(driver.state.overlay == nil)
    driver.apply(.keyPressed(.control("c"), seconds: 11.5))
    #expect(driver.state.overlay == nil)
    driver.apply(.keyPressed(.control("c"), seconds: 12))
    #expect(driver.state.overlay == .quit)
  }

  @Test func controlCCancelsTheRunningJob() {
    var driver = Driver()
    let progress = JobProgress(
      job: 7, activity: "measuring", completed: 1, total: 9, secondsRemaining: nil)
    driver.apply(.engineReported(.progress(progress)))
    driver.press("C-c")
    #expect(driver.effects.last == .send(.cancel(job: 7)))
    driver.apply(.engineReported(.jobEnded(job: 7, .cancelled)))
    #expect(driver.state.jobs.isEmpty)
  }

  @Test func exportRefusesToReplaceAFileUnlessTold() {
    var driver = Driver()
    driver.press("3 e enter")
    #expect(driver.effects.last == .checkExportPath("fixture-vise.gguf"))
    driver.apply(.exportPathChecked(path: "fixture-vise.gguf", exists: true, problem: nil))
    driver.press("enter")
    #expect(!driver.effects.contains { if case .send(.export) = $0 { true } else { false } })
    driver.press("o")
    let plan = driver.state.document.plan
    #expect(
      driver.effects.last
        == .send(.export(plan: plan, path: "fixture-vise.gguf", overwrite: true, job: 1)))
  }

  @Test func answersForAnotherPathAreIgnored() {
    var driver = Driver()
    driver.press("e enter")
    driver.apply(.exportPathChecked(path: "other.gguf", exists: false, problem: nil))
    #expect(!driver.effects.contains { if case .send(.export) = $0 { true } else { false } })
  }

  @Test func figuresOfOlderPlansAreIgnored() {
    var driver = Driver(answersPredictions: false)
    driver.press("3")
    let old = QualityEstimate(klMean: Estimate(value: 9, provenance: .measured(tokens: 1, of: 2)))
    driver.apply(.engineReported(.quality(old, revision: driver.state.revision - 1)))
    #expect(driver.state.figures.quality == nil)
  }

  @Test func predictionNeverReplacesAMeasurementOfTheSamePlan() {
    var driver = Driver()
    driver.press("3")
    let measured = QualityEstimate(
      klMean: Estimate(value: 0.3, provenance: .measured(tokens: 100, of: 200)))
    driver.apply(.engineReported(.quality(measured, revision: driver.state.revision)))
    driver.apply(.engineReported(.sensitivities([])))
    #expect(driver.state.figures.quality == measured)
    driver.press("j 3")
    #expect(driver.state.figures.quality?.klMean.provenance == .predicted(tokens: 256))
  }

  @Test func movingTheCursorTellsTheEngineWhereTheUserLooks() {
    var driver = Driver()
    driver.clearEffects()
    driver.press("j")
    guard case .send(.attend(let sites))? = driver.effects.last else {
      Issue.record("the engine was not told")
      return
    }
    #expect(sites.first == 1)
    #expect(Set(sites) == Set(0..<14))
  }

  @Test func unknownSecondKeyOfASequenceIsSaidAndDropped() {
    var driver = Driver()
    driver.press("g x")
    #expect(driver.state.prefix == nil)
    #expect(driver.state.message == .refusal("gx is no command"))
    driver.press("G g g")
    #expect(driver.state.list.cursor == 0)
  }

  @Test func everyKeyOfAContextHasOneMeaning() {
    for context in KeyContext.allCases {
      let bindings = KeyTable.bindings.filter { $0.context == context }
      let sequences = bindings.flatMap(\.sequences)
      #expect(Set(sequences).count == sequences.count, "\(context)")
      for sequence in sequences where sequence.count == 1 {
        #expect(!KeyTable.isPrefix(sequence[0], in: context), "\(context) \(sequence[0].label)")
      }
    }
  }

  @Test func confirmingKeyDiffersFromTheAskingOne() {
    let asking = KeyTable.bindings.filter { $0.command == .quit }.flatMap(\.sequences)
    let confirming = KeyTable.bindings.filter {
      $0.command == .quitDiscarding || $0.command == .quitKeeping
    }.flatMap(\.sequences)
    #expect(Set(asking).isDisjoint(with: confirming))
  }

  @Test func commandsThatBeginWithWhatIsTypedComeFirst() {
    var driver = Driver()
    driver.press(":")
    driver.type("un")
    guard case .palette(let palette)? = driver.state.overlay else {
      Issue.record("no palette")
      return
    }
    #expect(palette.matches.first?.command == .undo)
    #expect(palette.matches.contains { $0.command == .pruneBy(5) })
  }

  @Test func paletteRunsWhatItFinds() {
    var driver = Driver()
    driver.press(":")
    driver.type("to the last")
    driver.press("enter")
    #expect(driver.state.list.selected == driver.summary.sites.count - 1)
  }

  @Test(arguments: 0..<5 as Range<UInt64>)
  func randomActionsNeverTrap(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var driver = Driver(blocks: 3, isOpen: seed != 0)
    for _ in 0..<20_000 {
      driver.apply(RandomAction.next(using: &generator, summary: driver.summary))
      if driver.effects.count > 1000 { driver.clearEffects() }
    }
    let list = driver.state.list
    #expect(list.shown.isEmpty || list.shown.indices.contains(list.cursor))
    #expect(
      driver.state.plannedByteCount
        == driver.state.summary.map { $0.sizeModel.byteCount(of: driver.state.document.plan) })
    let plan = driver.state.document.plan
    for site in driver.state.sites {
      let bytes = driver.state.summary?.sizeModel.byteCount(of: site, in: plan)
      #expect(driver.state.byteCount(of: site) == bytes)
    }
  }

  /// At 80x24 help is set in two columns.
  @Test func whatHelpSaysFitsItsColumns() {
    for binding in KeyTable.bindings {
      #expect(binding.command.summary.count <= 25, "\(binding.command.summary)")
    }
  }
}
