public import ViseCompression
public import ViseEstimates

/// Everything the workbench shows and knows: a value that changes only through `apply`.
public struct WorkbenchState: Hashable, Sendable {
  /// How far opening the model has come.
  public enum Opening: Hashable, Sendable {
    /// The user is asked which model.
    case choosing
    case underWay
    case failed(String)
    case done
  }

  /// Log lines kept.
  public static let logCapacity = 1000

  public internal(set) var modelPath: String
  public internal(set) var opening = Opening.underWay
  public internal(set) var summary: ModelSummary? {
    didSet {
      (sizes, loadedSizes) = (nil, nil)
      updateSizes()
    }
  }

  // The document.
  public internal(set) var document = Document() {
    didSet { updateSizes() }
  }
  /// Sizes under the plan, and as the file was loaded; `nil` until the model is open.
  var sizes, loadedSizes: PlanSizes?
  /// Grows with every change of the plan.
  public internal(set) var revision: PlanRevision = 0
  /// The plan before the edit that the message line is about, to be predicted beside the new one.
  public internal(set) var planBeforeEdit: Plan?
  /// The plan written to a file last.
  public internal(set) var exportedPlan: Plan?

  // The user interface.
  public internal(set) var list = LayerList()
  public internal(set) var overlay: Overlay?
  public internal(set) var message: Message?
  /// The first key of a sequence, while the second is awaited.
  public internal(set) var prefix: KeyPress?
  public internal(set) var lastIntent: EditIntent?
  public internal(set) var copiedTreatment: Treatment?
  public internal(set) var isMouseEnabled: Bool
  public internal(set) var isPaused = false
  /// Themes that can be chosen, and the one on the screen.
  public internal(set) var themeNames: [String] = []
  public internal(set) var theme = ""
  public internal(set) var journalPath: String?
  /// Screens over the bench, the one shown last.
  var pages: [Page] = []
  public internal(set) var inspection: Inspection?
  /// What a fit or a search has to keep.
  public internal(set) var limits = PlanLimits()
  public internal(set) var search: SearchPanel?
  public internal(set) var frontier = FrontierPanel()
  /// The edited plan beside another, once one was looked at.
  public internal(set) var comparison: PlanComparison?
  public internal(set) var history = History()
  /// The other of two plans, once there are two.
  public internal(set) var parked: ParkedPlan?
  /// Which of the two plans is edited: 1 or 2.
  public internal(set) var planNumber = 1
  /// What can be opened, where no model was named.
  public internal(set) var picker: ModelPicker?
  /// Position in `jobs` on the screen of jobs.
  public internal(set) var jobCursor = 0
  /// Costs over blocks and roles, once they were looked at.
  public internal(set) var heat: HeatPanel?
  /// The plan as this session began.
  public internal(set) var openingPlan = Plan()
  /// Mixes of types that can be compared with.
  public internal(set) var presetNames: [String] = []

  // The engine.
  public internal(set) var figures = Figures()
  public internal(set) var sensitivities: [Int: [Treatment: Estimate]] = [:]
  /// Singular values found so far, by site.
  public internal(set) var spectra: [Int: WeightSpectrum] = [:]
  public internal(set) var jobs: [Job] = []
  public internal(set) var activity: String?
  /// What the engine is at and what waits, most wanted first.
  public internal(set) var queue: [QueuedWork] = []
  public internal(set) var log: [String] = []

  /// Room for overlays that are read: help and log.
  struct Reading: Hashable, Sendable {
    var rowCount = 1
    var helpColumns = 1
  }
  var reading = Reading()
  var nextJob = 1
  var exportingPlans: [Int: Plan] = [:]
  var lastInterrupt: Double?
  var pendingRanks: PendingRanks?
  /// The plan a typed command is to take once the front end has found it.
  var awaitedPlan: PlanSource?
  /// Where a dry run would write, until the front end has looked at the place.
  var dryRunPath: String?

  public init(modelPath: String, isMouseEnabled: Bool = false) {
    self.modelPath = modelPath
    self.isMouseEnabled = isMouseEnabled
  }

  /// Whether nothing is under way that would change the screen by itself.
  public var isIdle: Bool {
    opening != .underWay && activity == nil && jobs.isEmpty && search?.isRunning != true
  }

  /// The model's sites; none until it is open.
  public var sites: [Site] { summary?.sites ?? [] }

  /// The site under the cursor.
  public var selectedSite: Site? { list.selected.map { sites[$0] } }

  /// Exact bytes of the file the plan exports to.
  public var plannedByteCount: Int? { sizes?.byteCount }

  /// Which file the plan exports to.
  public var exportTarget: SizeTarget { sizes?.target ?? .gguf }

  /// Whether the planned size is exact, or the prior it is for quantized inputs in ONNX.
  public var sizeProvenance: Provenance { sizes?.isExact ?? true ? .exact : .prior }

  /// What quality is a mean over.
  public var sample: ModelSummary.Sample { summary?.sample ?? .token }

  /// Exact bytes of the file an untouched plan exports to.
  public var referenceByteCount: Int? { loadedSizes?.byteCount }

  /// The format `site` is stored in under the plan.
  public func format(of site: Site) -> NumberFormat {
    document.plan.change(of: site)?.storedFormat(for: site) ?? .ggml(site.stored)
  }

  /// `site` in the shape it has under the plan.
  public func planned(_ site: Site) -> Site {
    document.plan.change(of: site)?.reduced(site) ?? site
  }

  /// Bytes of one site's values under the plan, without padding.
  public func byteCount(of site: Site) -> Int {
    sizes?.siteByteCounts[site.index] ?? 0
  }

  /// As `byteCount(of:)`, of the file as it was loaded.
  public func loadedByteCount(of site: Site) -> Int {
    loadedSizes?.siteByteCounts[site.index] ?? 0
  }

  /// Bits of the file a weight of `site` takes under the plan.
  public func bitsPerWeight(of site: Site) -> Double {
    let change = document.plan.change(of: site)
    guard let change, change.form != .whole || change.removesChannels else {
      return format(of: site).bitsPerWeight
    }
    return Double(byteCount(of: site) * 8) / Double(max(site.parameterCount, 1))
  }

  /// Whether there are statistics of the inputs of `site`.
  public func isCalibrated(_ site: Site) -> Bool {
    summary?.calibration?.sites.contains(site.index) ?? false
  }

  /// Sites an edit applies to: the one looked at in detail, else the marked ones, else those under
  /// the cursor.
  public var targets: [Int] {
    switch page {
    case .detail: list.selected.map { [$0] } ?? []
    case .heat where list.marks.isEmpty: heat?.selected ?? []
    case .heat: list.marks.sorted()
    default: list.targets
    }
  }

  /// Whether the quality shown is of an older plan.
  public var isQualityStale: Bool { figures.qualityRevision != revision }

  /// Whether the latency shown is of an older plan.
  public var isLatencyStale: Bool { figures.latencyRevision != revision }

  /// Divergence of the model with only `site` stored in about `bits` bits, where it is known.
  public func sensitivity(of site: Site, bits: Int) -> Estimate? {
    guard let asked = DefaultFormat.asked(bits: bits, for: site),
      let format = DefaultFormat.resolve(asked, for: site)?.used
    else { return nil }
    return sensitivities[site.index]?[Treatment(format: format)]
  }

  /// Whether quitting now would leave edits that were never exported.
  public var hasUnexportedEdits: Bool {
    let isOpen = !document.plan.isEmpty && exportedPlan != document.plan
    guard let parked, parked.document.plan != document.plan else { return isOpen }
    return isOpen
      || (!parked.document.plan.isEmpty && parked.exportedPlan != parked.document.plan)
  }

  /// Where keys go.
  public var context: KeyContext {
    if let overlay { return overlay.context }
    if opening == .choosing { return .open }
    if let page { return page.context }
    return list.filterField == nil ? .bench : .filter
  }

  /// Why `command` would do nothing now; `nil` where it would do something.
  public func reasonDisabled(_ command: Command) -> String? {
    switch command {
    case .openPrompt(.modelPath): summary == nil ? nil : "a model is open"
    case .undo: document.canUndo ? nil : "nothing to undo"
    case .redo: document.canRedo ? nil : "nothing to redo"
    case .repeatEdit: lastIntent == nil ? "nothing to repeat yet" : targetsMissing
    case .setBits, .keep, .fewerBits, .moreBits, .openFormats, .toggleMark, .startRange, .markShown:
      targetsMissing
    case .moveToCostliest:
      summary == nil
        ? "no model is open" : costliest == nil ? "no effect of a layer is known yet" : nil
    case .markAlike, .copyTreatment: targetsMissing
    case .pasteTreatment:
      copiedTreatment == nil ? "take a treatment first (c)" : targetsMissing
    case .openThemes: themeNames.isEmpty ? "no themes were found" : nil
    case .openExport, .openPrompt(.limit), .openPrompt(.planFile), .openPrompt(.stateName),
      .openCompare, .openHeat, .switchPlans:
      summary == nil ? "no model is open" : nil
    case .pruneBy, .lowerRank, .raiseRank, .openPrompt, .openDetail, .copyPlanLine: targetsMissing
    case .openHistory:
      summary == nil
        ? "no model is open" : document.stateCount == 0 ? "nothing was edited yet" : nil
    case .openMethods:
      targetsMissing ?? (methodChoices.isEmpty ? "choose a format first (2-8 or f)" : nil)
    case .fitNow:
      limits.isEmpty ? "set a limit first (b)" : summary == nil ? "no model is open" : nil
    case .openSearch:
      search == nil && limits.isEmpty ? "set a limit first (b)" : evaluationMissing
    case .openFrontier: evaluationMissing
    case .clearMarks: list.marks.isEmpty && list.rangeStart == nil ? "nothing is marked" : nil
    default: nil
    }
  }

  private var evaluationMissing: String? {
    summary == nil
      ? "no model is open"
      : summary?.evaluationUnavailable.map { "quality cannot be evaluated: \($0)" }
  }

  private var targetsMissing: String? {
    summary == nil ? "no model is open" : targets.isEmpty ? "no layer is selected" : nil
  }
}
