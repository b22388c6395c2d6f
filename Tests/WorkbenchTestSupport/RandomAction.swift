import ViseCompression
public import ViseEstimates
import ViseTensor
public import ViseWorkbench

/// Random things that may happen to a workbench, sensible or not.
public enum RandomAction {
  /// Mostly keys; now and then an event, a click, a resize or an answer nobody asked for.
  public static func next(
    using generator: inout SeededGenerator, summary: ModelSummary
  ) -> WorkbenchAction {
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<80:
      return .keyPressed(
        key(using: &generator), seconds: Double.random(in: 0..<4, using: &generator))
    case 80..<84:
      return .rowClicked(small(using: &generator), isDouble: Bool.random(using: &generator))
    case 84: return .itemClicked(small(using: &generator), isDouble: Bool.random(using: &generator))
    case 85..<86: return .wheelTurned(rows: small(using: &generator))
    case 86..<88:
      return .screenResized(
        listRows: small(using: &generator), overlayRows: small(using: &generator),
        helpColumns: small(using: &generator))
    case 88..<90: return .textPasted("ffn \u{1B}[200~!")
    case 90: return .engineReported(.opened(summary))
    case 91:
      return .exportPathChecked(
        path: "fixture-vise.gguf", exists: Bool.random(using: &generator), problem: nil)
    case 92: return .engineReported(.jobEnded(job: small(using: &generator), .finished("x")))
    case 93: return .engineReported(.jobEnded(job: small(using: &generator), .failed("x")))
    case 94: return offer()
    case 98: return .modelsListed(PickerFixture.listing)
    case 97:
      return .planFound(
        .preset("Q2_K"),
        Bool.random(using: &generator)
          ? .refused("x") : .found(SearchFixture.plan(0.3, summary)))
    case 96: return .themesFound(["dark", "light"], current: "dark")
    case 95:
      return .planFitted(
        Bool.random(using: &generator)
          ? .refused("x") : .fitted(SearchFixture.plan(0.5, summary), guessed: 1, total: 2))
    default: return .engineReported(event(using: &generator, summary))
    }
  }

  private static func small(using generator: inout SeededGenerator) -> Int {
    Int.random(in: -3..<40, using: &generator)
  }

  private static func key(using generator: inout SeededGenerator) -> KeyPress {
    let sequences = KeyTable.bindings.flatMap(\.sequences).flatMap { $0 }
    if Int.random(in: 0..<12, using: &generator) == 0 {
      return Array("0123%:off=prune rank").randomElement(using: &generator).map { KeyPress($0) }
        ?? KeyPress(.escape)
    }
    return sequences.randomElement(using: &generator) ?? KeyPress(.escape)
  }

  private static func event(
    using generator: inout SeededGenerator, _ summary: ModelSummary
  ) -> EngineEvent {
    let number = small(using: &generator)
    switch Int.random(in: 0..<10, using: &generator) {
    case 9: return .queue([QueuedWork(kind: .timing, remaining: number > 0 ? number : nil)])
    case 0:
      return .progress(
        JobProgress(
          job: number, activity: "measuring", completed: number, total: number,
          secondsRemaining: nil))
    case 1:
      let estimate = Estimate(value: 0.1, provenance: .measured(tokens: 1, of: 2))
      return .quality(QualityEstimate(klMean: estimate), revision: number)
    case 2:
      return .sensitivities([
        SiteSensitivity(
          siteIndex: number, treatment: Treatment(format: .ggml(NumberFormat.encodable[0])),
          klMean: Estimate(value: .nan, provenance: .prior))
      ])
    case 5:
      return .inspectionFailed(site: number, treatment: .keep, reason: "x")
    case 6:
      let site = Site(
        index: number, name: "x", role: .output, block: nil, rows: 8, columns: 8, stored: .f16)
      return .inspected(FixtureModel.inspection(of: site, under: .keep))
    case 7: return .searched(job: number, SearchFixture.snapshot(trials: max(number, 0), summary))
    case 8: return .measuredPlans(SearchFixture.measuredPlans(of: summary))
    case 3: return .activity(number > 0 ? "measuring" : nil)
    default: return .log("line \(number)")
    }
  }

  private static func offer() -> WorkbenchAction {
    let text = "{\"model\":\"f\",\"path\":\"p\"}\n{\"step\":\"undo\"}\n"
    guard let journal = Journal(bytes: Array(text.utf8)) else { return .noticed("no journal") }
    return .journalFound(ResumeOffer(journal: journal, writtenAt: "now"))
  }
}
