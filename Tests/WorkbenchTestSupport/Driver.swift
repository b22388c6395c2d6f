public import ViseEstimates
public import ViseWorkbench

/// A workbench with the effects it asked for, driven by keys, without a terminal.
public struct Driver {
  public private(set) var state: WorkbenchState
  /// Everything asked for so far, in order.
  public private(set) var effects: [WorkbenchEffect] = []
  private let engine: ScriptedEngine?
  private let answersPredictions: Bool
  /// Whether the detail view gets its figures at once.
  public var answersInspections = true

  /// A workbench on an open fixture model, as the loop would have set it up.
  public init(
    blocks: Int = 4, listRows: Int = 14, isOpen: Bool = true, answersPredictions: Bool = true,
    calibratedSites: Set<Int>? = nil
  ) {
    state = WorkbenchState(modelPath: "fixture.gguf")
    self.answersPredictions = answersPredictions
    let summary = FixtureModel.summary(blocks: blocks, calibratedSites: calibratedSites)
    engine = ScriptedEngine(mailbox: EngineMailbox(wake: {}), summary: summary)
    apply(.screenResized(listRows: listRows, overlayRows: listRows + 5, helpColumns: 2))
    apply(.presetsFound(engine?.presetNames ?? []))
    if isOpen {
      apply(.engineReported(.opened(summary)))
      apply(.engineReported(.sensitivities(FixtureModel.sensitivities(of: summary))))
      apply(.journalOpened(path: "fixture.journal", problem: nil))
    }
  }

  /// A workbench that asks which model to open, with the fixture's list of them.
  public init(choosing listing: ModelListing) {
    state = WorkbenchState(choosingIn: listing.folder)
    (engine, answersPredictions) = (nil, false)
    apply(.screenResized(listRows: 14, overlayRows: 19, helpColumns: 2))
    apply(.modelsListed(listing))
  }

  public var summary: ModelSummary { state.summary ?? FixtureModel.summary(blocks: 1) }

  /// Applies an action and answers predictions as the loop does.
  public mutating func apply(_ action: WorkbenchAction) {
    let asked = state.apply(action)
    effects += asked
    for effect in asked {
      if case .send(.inspect(let site, let treatment)) = effect, answersInspections {
        apply(
          .engineReported(
            .inspected(FixtureModel.inspection(of: summary.sites[site], under: treatment))))
      }
      if case .fit(let base, let limits) = effect, let engine {
        apply(.planFitted(engine.fit(base: base, limits: limits)))
      }
      if case .findPlan(let source) = effect, let engine {
        apply(.planFound(source, engine.plan(for: source)))
      }
      if case .predictCompared(let plan) = effect, answersPredictions, let engine {
        let (quality, latency) = engine.predict(plan)
        apply(.comparedPredicted(Prediction(quality: quality, latency: latency), plan: plan))
      }
      guard case .predict(let revision) = effect, answersPredictions, let engine else { continue }
      let (quality, latency) = engine.predict(state.document.plan)
      let before = state.planBeforeEdit.map { engine.predict($0).quality }
      apply(
        .predictionMade(
          Prediction(quality: quality, latency: latency, qualityBefore: before ?? nil),
          revision: revision))
    }
  }

  /// Presses keys written as words: single characters, `enter`, `esc`, `C-r` and so on.
  public mutating func press(_ keys: String) {
    for word in keys.split(separator: " ") {
      apply(.keyPressed(Self.key(String(word)), seconds: 0))
    }
  }

  /// Types text into a field.
  public mutating func type(_ text: String) {
    for character in text { apply(.keyPressed(KeyPress(character), seconds: 0)) }
  }

  public mutating func clearEffects() { effects = [] }

  private static func key(_ word: String) -> KeyPress {
    let named: [String: KeyPress.Code] = [
      "enter": .enter, "esc": .escape, "up": .up, "down": .down, "space": .character(" "),
      "pgdn": .pageDown, "pgup": .pageUp, "bksp": .backspace, "home": .home, "end": .end,
      "tab": .tab, "left": .left, "right": .right,
    ]
    if let code = named[word] { return KeyPress(code) }
    if word == "S-tab" { return KeyPress(.tab, .shift) }
    if word.hasPrefix("C-"), let last = word.last { return .control(last) }
    return KeyPress(word.first ?? " ")
  }
}

/// Random numbers that are the same for the same seed (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) {
    state = seed
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
