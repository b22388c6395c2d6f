import Testing
import ViseCompression
import ViseEstimates
import ViseWorkbench
import WorkbenchTestSupport

private func bytes(_ driver: Driver) -> Int { driver.state.plannedByteCount ?? 0 }

struct SearchTests {
  @Test func aLimitIsReadAsSizeShareBitsTimeAndQuality() throws {
    var driver = Driver()
    let whole = try #require(driver.state.referenceByteCount)
    driver.limit("60%", then: "")
    #expect(driver.state.limits == PlanLimits(byteCount: Int(Double(whole) * 60 / 100)))
    driver.limit("", then: "")
    #expect(!driver.state.limits.isEmpty)
    driver.limit("off", then: "")
    #expect(driver.state.limits.isEmpty)
    let cases: [(String, PlanLimits)] = [
      ("60MB", PlanLimits(byteCount: 60_000_000)), ("1.5 GB", PlanLimits(byteCount: 1_500_000_000)),
      ("3ms, KL 0.02", PlanLimits(decodeSeconds: 0.003, klMean: 0.02)),
      ("≤ 12kb", PlanLimits(byteCount: 12_000)), ("0.1 nats", PlanLimits(klMean: 0.1)),
    ]
    for (text, limits) in cases {
      var driver = Driver()
      driver.limit(text, then: "")
      #expect(driver.state.limits == limits, "\(text)")
    }
  }

  @Test(arguments: ["x", "60 furlongs", "-3MB", "KL -1", "0%", "1e999MB", "60MB and more"])
  func whatIsNoLimitIsRefusedWithWhatWouldBe(text: String) {
    var driver = Driver()
    driver.limit(text, then: "")
    #expect(driver.state.limits.isEmpty)
    guard case .prompt(let prompt)? = driver.state.overlay else {
      Issue.record("the prompt is gone")
      return
    }
    #expect(prompt.problem?.contains("60MB") == true)
  }

  @Test func aFitIsOneEditThatUndoTakesBack() {
    var driver = Driver()
    driver.limit("75%", then: "F")
    #expect(bytes(driver) <= driver.state.limits.byteCount ?? 0)
    #expect(driver.state.document.edits.map(\.origin) == [.fitted])
    driver.press("u")
    #expect(driver.state.document.plan.isEmpty)
    driver.press("C-r")
    #expect(bytes(driver) <= driver.state.limits.byteCount ?? 0)
  }

  @Test func whatTheUserChoseStaysAndWhatAFitChoseIsFreeAgain() throws {
    var driver = Driver()
    driver.press("j 8")
    let site = try #require(driver.state.selectedSite)
    let chosen = driver.state.document.plan[site.name]
    driver.limit("75%", then: "F")
    #expect(driver.state.document.plan[site.name] == chosen)
    driver.limit("90%", then: "")
    driver.clearEffects()
    driver.press("F")
    guard case .fit(let base, _)? = driver.effects.first else {
      Issue.record("no fit was asked for")
      return
    }
    #expect(base == Plan(treatments: [site.name: chosen]))
  }

  @Test func fittingAndSearchingNeedALimit() {
    var driver = Driver()
    driver.press("F s")
    #expect(driver.effects.allSatisfy { if case .fit = $0 { false } else { true } })
    #expect(driver.state.search == nil && driver.state.overlay == nil)
    #expect(driver.state.message == .refusal("set a limit first (b)"))
  }

  @Test func aSearchIsBegunWatchedPausedAndItsBestAdopted() throws {
    var driver = Driver()
    driver.limit("75%", then: "s")
    let job = try #require(driver.state.search?.job)
    #expect(
      driver.effects.contains {
        if case .send(.search(let wish, job: job)) = $0 { wish.base.isEmpty } else { false }
      })
    driver.press("enter")
    #expect(driver.state.document.plan.isEmpty)
    driver.reportSearch(trials: 9)
    driver.press("space")
    #expect(driver.effects.last == .send(.setSearchPaused(true)))
    driver.press("space enter")
    #expect(driver.state.document.plan == SearchFixture.plan(0.5, driver.summary))
    #expect(driver.state.overlay == nil && driver.state.search?.isRunning == true)
    driver.press("u")
    #expect(driver.state.document.plan.isEmpty)
  }

  @Test func aStoppedSearchKeepsItsBestAndCanBeBegunAgain() throws {
    var driver = Driver()
    driver.limit("75%", then: "s")
    driver.reportSearch(trials: 5)
    let job = try #require(driver.state.search?.job)
    driver.press("x")
    #expect(driver.effects.last == .send(.cancel(job: job)))
    driver.apply(.engineReported(.jobEnded(job: job, .cancelled)))
    #expect(driver.state.search?.ending == .stopped)
    #expect(driver.state.search?.snapshot?.best != nil)
    driver.press("S")
    #expect(driver.state.search?.isRunning == true && driver.state.search?.job != job)
  }

  @Test func figuresOfAnOlderSearchAreNotShown() throws {
    var driver = Driver()
    driver.limit("75%", then: "s")
    let old = try #require(driver.state.search?.job)
    driver.apply(.engineReported(.jobEnded(job: old, .cancelled)))
    driver.press("S")
    driver.apply(
      .engineReported(.searched(job: old, SearchFixture.snapshot(trials: 3, driver.summary))))
    #expect(driver.state.search?.snapshot == nil)
  }

  @Test func aPointOfTheFrontierIsAdoptedAsOneEdit() throws {
    var driver = Driver()
    driver.press("g p")
    #expect(driver.effects.last == .send(.findMeasuredPlans))
    driver.reportMeasuredPlans()
    driver.press("l l")
    let selected = try #require(driver.state.frontier.selected)
    driver.press("enter")
    #expect(driver.state.document.plan == selected.measured.plan)
    #expect(!driver.state.isFrontierOpen)
    driver.press("u")
    #expect(driver.state.document.plan.isEmpty)
  }

  @Test func theJournalKnowsWhatAFitChose() throws {
    var driver = Driver()
    driver.press("j 8")
    driver.limit("75%", then: "F")
    let lines =
      ["{\"model\":\"f\",\"path\":\"p\"}"]
      + driver.effects.compactMap { effect -> String? in
        if case .record(let entry) = effect { entry.line } else { nil }
      }
    let journal = try #require(Journal(bytes: Array((lines.joined(separator: "\n") + "\n").utf8)))
    let document = journal.document(for: driver.summary.sites)
    #expect(document.plan == driver.state.document.plan)
    #expect(document.edits.map(\.origin) == driver.state.document.edits.map(\.origin))
    #expect(document.sitesEditedByHand.count == 1)
  }
}
