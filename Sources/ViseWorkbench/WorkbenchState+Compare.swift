import ViseCompression
import ViseEstimates

extension WorkbenchState {
  /// Presets that `D` goes through first, where the front end knows them.
  private static let usualPresets = ["Q4_K_M", "Q3_K_M", "Q2_K", "Q5_K_M", "Q6_K", "Q8_0"]

  /// Shows the edited plan beside `source`, or beside the one compared with last.
  mutating func openComparison(with source: PlanSource? = nil) -> [WorkbenchEffect] {
    var sources = standardSources
    let wanted = source ?? comparison?.source
    // A measured plan or a file is kept only while it is the one looked at.
    if let wanted, !sources.contains(wanted) { sources.append(wanted) }
    let order = comparison?.order ?? .bytes
    let index = wanted.flatMap { sources.firstIndex(of: $0) } ?? 0
    comparison = PlanComparison(sources: sources, index: index)
    comparison?.order = order
    overlay = nil
    open(.compare)
    return findComparedPlan()
  }

  private var standardSources: [PlanSource] {
    let usual = Self.usualPresets.filter(presetNames.contains)
    let rest = presetNames.filter { !usual.contains($0) }
    let opening: [PlanSource] = openingPlan.isEmpty ? [] : [.opening]
    let other: [PlanSource] = parked == nil ? [] : [.parked]
    return other + [.loaded] + opening + (usual + rest).map(PlanSource.preset)
  }

  private mutating func findComparedPlan() -> [WorkbenchEffect] {
    guard let source = comparison?.source else { return [] }
    comparison?.plan = nil
    comparison?.problem = nil
    comparison?.differences = []
    comparison?.cursor = 0
    switch source {
    case .loaded: return take(Plan(), measured: nil)
    case .opening: return take(openingPlan, measured: nil)
    case .parked: return take(parked?.document.plan ?? Plan(), measured: nil)
    case .state(_, let plan): return take(plan, measured: nil)
    case .measured(let measured): return take(measured.plan, measured: measured.klMean)
    case .preset, .file: return [.findPlan(source)]
    }
  }

  /// Takes the front end's answer, unless another plan was asked for since.
  mutating func receive(_ answer: PlanAnswer, for source: PlanSource) -> [WorkbenchEffect] {
    if awaitedPlan == source { return adoptAwaited(answer) }
    guard let comparison, comparison.source == source, comparison.plan == nil else { return [] }
    switch answer {
    case .found(let plan): return take(plan, measured: nil)
    case .refused(let reason):
      self.comparison?.problem = reason
      return []
    }
  }

  private mutating func take(_ plan: Plan, measured: Estimate?) -> [WorkbenchEffect] {
    comparison?.plan = plan
    comparison?.byteCount = summary?.sizeModel.byteCount(of: plan)
    comparison?.quality = measured.map { QualityEstimate(klMean: $0) }
    comparison?.latency = nil
    refreshComparison()
    return [.predictCompared(plan)]
  }

  /// Takes the predictor's answer; what was measured stays.
  mutating func receive(_ prediction: Prediction, ofCompared plan: Plan) {
    guard comparison?.plan == plan else { return }
    comparison?.latency = prediction.latency
    if case .measured? = comparison?.source { return }
    comparison?.quality = prediction.quality
  }

  /// Finds the differences anew after either plan, or what is known of layers, has changed.
  mutating func refreshComparison() {
    guard page == .compare, let plan = comparison?.plan, let sizes = summary?.sizeModel else {
      return
    }
    let kept = comparison?.selected?.site
    let differences = document.plan.changedSites(from: plan, among: sites).map { site in
      PlanComparison.Difference(
        site: site.index,
        byteDelta: sizes.byteCount(of: site, in: document.plan)
          - sizes.byteCount(of: site, in: plan),
        lossDelta: lossDelta(of: site, against: plan))
    }
    let sorted = ordered(differences)
    comparison?.differences = sorted
    let position = kept.flatMap { site in
      comparison?.differences.firstIndex { $0.site == site }
    }
    moveInComparison(to: position ?? comparison?.cursor ?? 0)
  }

  private func lossDelta(of site: Site, against plan: Plan) -> Double? {
    func loss(_ treatment: Treatment) -> Double? {
      treatment == .keep ? 0 : effect(of: site, under: treatment)?.value
    }
    guard let own = loss(document.plan[site.name]), let other = loss(plan[site.name]),
      (own - other).isFinite
    else { return nil }
    return own - other
  }

  private func ordered(
    _ differences: [PlanComparison.Difference]
  ) -> [PlanComparison.Difference] {
    switch comparison?.order ?? .bytes {
    case .model: differences
    case .bytes:
      differences.sorted {
        (-$0.byteDelta.magnitude.signed, $0.site) < (-$1.byteDelta.magnitude.signed, $1.site)
      }
    case .loss:
      differences.sorted {
        (-($0.lossDelta?.magnitude ?? -1), $0.site) < (-($1.lossDelta?.magnitude ?? -1), $1.site)
      }
    }
  }

  mutating func moveInComparison(to position: Int) {
    guard let count = comparison?.differences.count else { return }
    comparison?.cursor = min(max(position, 0), max(count - 1, 0))
    // The side panel and the engine look at the layer the cursor is on.
    if let site = comparison?.selected?.site, let shown = list.shown.firstIndex(of: site) {
      list.move(to: shown)
    }
  }

  mutating func performInComparison(_ command: Command) -> [WorkbenchEffect] {
    guard let comparison else { return [] }
    let page = max(reading.rowCount - 6, 1)
    switch command {
    case .back: closePage()
    case .moveUp: moveInComparison(to: comparison.cursor - 1)
    case .moveDown: moveInComparison(to: comparison.cursor + 1)
    case .pageUp: moveInComparison(to: comparison.cursor - page)
    case .pageDown: moveInComparison(to: comparison.cursor + page)
    case .moveToTop: moveInComparison(to: 0)
    case .moveToBottom: moveInComparison(to: comparison.differences.count - 1)
    case .compareNext, .comparePrevious:
      let count = comparison.sources.count
      let step = command == .compareNext ? 1 : count - 1
      self.comparison?.index = (comparison.index + step) % count
      return findComparedPlan()
    case .sortNext:
      let all = PlanComparison.Order.allCases
      let index = all.firstIndex(of: comparison.order) ?? 0
      self.comparison?.order = all[(index + 1) % all.count]
      refreshComparison()
    case .sortDifferences(let order):
      self.comparison?.order = order
      refreshComparison()
    case .takeTreatment: return takeTreatment(comparison)
    case .confirm: return adoptCompared(comparison)
    case .openPrompt, .undo, .redo, .openHelp: return performOnBench(command)
    default: break
    }
    return []
  }

  private mutating func takeTreatment(_ comparison: PlanComparison) -> [WorkbenchEffect] {
    guard let plan = comparison.plan, let selected = comparison.selected else {
      return refuse("the plans do not differ")
    }
    let name = sites[selected.site].name
    return adopt(
      [SiteChange(site: name, choice: SiteChoice(plan[name]))],
      label: "as in \(comparison.source.title)", origin: .hand)
  }

  private mutating func adoptCompared(_ comparison: PlanComparison) -> [WorkbenchEffect] {
    guard let plan = comparison.plan else {
      return refuse(comparison.problem ?? "the plan is not known yet")
    }
    return adopt(plan, label: comparison.source.title)
  }
}

extension UInt {
  /// As a signed number; magnitudes of byte counts fit.
  fileprivate var signed: Int { Int(clamping: self) }
}
