import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

struct StageTests {
  private let query = "blk.0.attn_q.weight"
  private let down = "blk.0.ffn_down.weight"

  private func treatment(_ driver: Driver, _ site: String) -> String {
    driver.state.document.plan[site].name
  }

  private func refusal(_ driver: Driver) -> String? {
    if case .refusal(let reason)? = driver.state.message { reason } else { nil }
  }

  @Test func everyStageKeepsTheOthers() {
    var driver = Driver()
    driver.press("G r r ] ] ] ] ] ]")
    #expect(treatment(driver, "blk.3.ffn_down.weight") == "prune=0.3 rank=288")
    driver.press("4")
    #expect(treatment(driver, "blk.3.ffn_down.weight") == "prune=0.3 rank=288 format=iq4_NL")
    driver.press("R [")
    #expect(treatment(driver, "blk.3.ffn_down.weight") == "prune=0.25 rank=416 format=iq4_NL")
    driver.press("R R")
    #expect(treatment(driver, "blk.3.ffn_down.weight") == "prune=0.25 format=iq4_NL")
    driver.press("0")
    #expect(driver.state.document.plan.isEmpty)
  }

  @Test func sizeOfACompositionIsThatOfItsFactors() throws {
    var driver = Driver()
    driver.press("j r r 4 ] ]")
    let site = driver.summary.sites[1]
    let treatment = driver.state.document.plan[site.name]
    let bytes = try #require(treatment.byteCount(for: site))
    #expect(bytes == 2 * 576 * 288 / 32 * 18)
    #expect(driver.state.byteCount(of: site) == bytes)
  }

  @Test func rankStepsFitTheFormatAndSayWhatTheyCost() {
    var driver = Driver()
    driver.press("j 4 r")
    #expect(treatment(driver, query) == "rank=416 format=iq4_NL")
    guard case .edit(let report)? = driver.state.message else {
      Issue.record("no report")
      return
    }
    #expect(report.reason?.contains("break-even is 288") == true)
    driver.press("r r")
    #expect(treatment(driver, query) == "rank=128 format=iq4_NL")
    driver.press("r")
    #expect(refusal(driver)?.contains("nothing to change") == true)
  }

  @Test func rankStepsOfADecompositionAreTenthsOfTheNumbers() {
    var driver = Driver()
    driver.press("j t s t r u c t u r e = t t : 4 5 % enter r")
    #expect(treatment(driver, query) == "structure=tt:40%")
    driver.press("R R")
    #expect(treatment(driver, query) == "structure=tt:60%")
    driver.press("R R R R")
    #expect(driver.state.document.plan.isEmpty)
    driver.press("t s t r u c t u r e = t t : 8 x 8 enter r")
    #expect(refusal(driver)?.contains("tt:8x8") == true)
  }

  @Test func promptTakesSharesPatternsAndOff() {
    var driver = Driver()
    driver.press("j p 3 5 % enter")
    #expect(treatment(driver, query) == "prune=0.35")
    driver.press("p C-u 2 : 4 enter")
    #expect(treatment(driver, query) == "pattern=2:4")
    driver.press("p C-u 0 . 1 5 enter }")
    #expect(treatment(driver, query) == "prune=0.16")
    driver.press("p C-u o f f enter")
    #expect(driver.state.document.plan.isEmpty)
  }

  @Test func promptTakesChannelsAndSaysWhereNoneCanGo() {
    var driver = Driver()
    driver.press("j p")
    driver.type("channels 25%")
    driver.press("enter")
    #expect(refusal(driver)?.hasPrefix("channels go whole only where other layers make") ?? false)
    #expect(driver.state.document.plan.isEmpty)
    driver.press("p C-u")
    driver.type("channels x")
    driver.press("enter")
    guard case .prompt(let prompt)? = driver.state.overlay else {
      Issue.record("the prompt closed")
      return
    }
    #expect(prompt.problem == "expected 30%, 2:4, channels 25% or off")
  }

  @Test func exactRankIsTakenAndAWrongOneRefusedWithItsProblem() {
    var driver = Driver()
    driver.press("j 4 g r 6 4 enter")
    #expect(treatment(driver, query) == "rank=64 format=iq4_NL")
    driver.press("g r C-u 6 5 enter")
    #expect(
      refusal(driver)
        == "a factor of rank 65: iq4_NL needs rows divisible by 32, this site's are 65")
    #expect(treatment(driver, query) == "rank=64 format=iq4_NL")
    driver.press("g r C-u 5 0 % enter")
    #expect(treatment(driver, query) == "rank=288 format=iq4_NL")
  }

  @Test func ranksFoundByRulesWaitForTheSingularValues() {
    var driver = Driver()
    driver.press("j 4 g r")
    driver.type("energy 90%")
    driver.press("enter")
    #expect(driver.effects.contains(.send(.findSpectra([1]))))
    #expect(treatment(driver, query) == "iq4_NL")
    let spectrum = FixtureModel.spectrum(of: driver.summary.sites[1])
    driver.apply(.engineReported(.spectrum(site: 1, spectrum)))
    // Squares fall as 1/k²: five hold 90 %, and blocks of 32 take 32.
    #expect(spectrum.rank(.energy(0.9), of: 576) == 6)
    #expect(treatment(driver, query) == "rank=32 format=iq4_NL")
    let asked = driver.effects.count { $0 == .send(.findSpectra([1])) }
    driver.press("g r C-u")
    driver.type("erank")
    driver.press("enter")
    #expect(driver.effects.count { $0 == .send(.findSpectra([1])) } == asked)
    #expect(refusal(driver)?.contains("break-even is 288") != false)
  }

  @Test func anEditMadeMeanwhileTakesThePlaceOfOneThatWaits() {
    var driver = Driver()
    driver.press("j g r")
    driver.type("elbow")
    driver.press("enter 4")
    driver.apply(
      .engineReported(.spectrum(site: 1, FixtureModel.spectrum(of: driver.summary.sites[1]))))
    #expect(treatment(driver, query) == "iq4_NL")
    driver.press("0 g r")
    driver.type("elbow")
    driver.press("enter j g r")
    driver.type("elbow")
    driver.press("enter")
    driver.apply(.engineReported(.spectrumFailed(site: 2, reason: "it has no numbers")))
    #expect(refusal(driver) == "no rank can be found: it has no numbers")
  }

  @Test func wholeTreatmentIsTypedAndFaultsStayInTheField() {
    var driver = Driver()
    driver.press("j t")
    driver.type("prune=0.3 format=int4:g128 rank=64")
    driver.press("enter")
    #expect(treatment(driver, query) == "prune=0.3 rank=64 format=int4:g128")
    driver.press("t")
    driver.type(" prune=7")
    driver.press("enter")
    guard case .prompt(let prompt)? = driver.state.overlay else {
      Issue.record("the prompt closed")
      return
    }
    #expect(prompt.problem == "prune=7: expected a share of 0 or more and below 1")
    driver.press("esc")
    #expect(driver.state.overlay == nil)
  }

  @Test func invalidCompositionIsRefusedWithItsProblem() {
    var driver = Driver()
    driver.press("j r p 2 : 4 enter")
    #expect(refusal(driver)?.contains("does not survive a factorization") == true)
    #expect(treatment(driver, query) == "rank=432")
  }

  @Test func methodsNeedStatisticsOfTheLayersInputs() throws {
    var driver = Driver()
    driver.press("j 4 m")
    guard case .methods(let picker)? = driver.state.overlay else {
      Issue.record("no method list")
      return
    }
    let gptq = try #require(picker.options.first { $0.choice == .format(.gptq) })
    #expect(gptq.accepted == 0)
    #expect(gptq.reason == "gptq needs statistics of the layer's inputs")
    driver.press("esc t C-u")
    driver.type("format=q4_0 method=gptq")
    driver.press("enter")
    #expect(refusal(driver)?.contains("gptq needs statistics") == true)
  }

  @Test func calibratedLayerTakesAMethodAndKeepsItWhereTheFormatDoes() throws {
    var driver = Driver(calibratedSites: [1])
    driver.press("j 4 m")
    guard case .methods(let picker)? = driver.state.overlay else {
      Issue.record("no method list")
      return
    }
    let row = try #require(picker.options.firstIndex { $0.choice == .format(.gptq) })
    for _ in 0..<row { driver.press("j") }
    driver.press("enter")
    #expect(treatment(driver, query) == "format=iq4_NL method=gptq")
    driver.press("]")
    #expect(treatment(driver, query) == "prune=0.05 format=iq4_NL method=gptq")
    driver.press("j m")
    #expect(refusal(driver) == "choose a format first (2-8 or f)")
  }

  @Test func methodOfPruningIsChosenByItself() {
    var driver = Driver()
    driver.press("j ] m j enter")
    #expect(treatment(driver, query) == "prune=0.05 method=magnitude")
    driver.press("]")
    #expect(treatment(driver, query) == "prune=0.1 method=magnitude")
  }

  @Test func everyListedFormatExists() {
    for group in FormatGroup.allCases {
      #expect(Set(group.formats).count == group.formats.count)
    }
    #expect(FormatGroup.integers.formats.count == 16)
    #expect(FormatGroup.floats.formats.count == 9)
    #expect(FormatGroup.codebooks.formats.count == 8)
    #expect(FormatGroup.integers.graphFormats.count == 8)
    #expect(
      FormatGroup.allCases.flatMap(\.graphFormats).allSatisfy {
        !FormatGroup.ggml.formats.contains($0)
      })
  }

  @Test func formatsNobodyMeasuredAreMarkedAsGuesses() throws {
    var driver = Driver()
    driver.press("j f")
    guard case .formats(let picker)? = driver.state.overlay else {
      Issue.record("no format list")
      return
    }
    let known = try #require(picker.choices.first { $0.format?.name == "q4_0" }?.effect)
    let guessed = try #require(picker.choices.first { $0.format?.name == "int4:g128" }?.effect)
    #expect(known.provenance == .predicted(tokens: 256))
    #expect(guessed.provenance == .prior)
    #expect(guessed.value > 0)
  }

  @Test func journalBringsCompositionsBackWithTheirHistory() throws {
    var driver = Driver()
    driver.press("j r r p 3 0 % enter j 4 u j ]")
    var lines = [JournalEntry.began(fingerprint: "fixture4", path: "p").line]
    for case .record(let entry) in driver.effects { lines.append(entry.line) }
    let journal = try #require(Journal(bytes: Array((lines.joined(separator: "\n") + "\n").utf8)))
    #expect(journal.skippedLineCount == 0)
    let document = journal.document(for: driver.summary.sites)
    #expect(document.plan == driver.state.document.plan)
    #expect(document.edits == driver.state.document.edits)
    #expect(document.plan[query].name == "prune=0.3 rank=288")
  }
}
