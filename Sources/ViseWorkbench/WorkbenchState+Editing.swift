import ViseCompression
import ViseEstimates

extension WorkbenchState {
  /// Applies `intent` to the marked layers, or to the selected one.
  mutating func edit(_ intent: EditIntent) -> [WorkbenchEffect] {
    edit(intent, on: targets)
  }

  /// Applies `intent` to the sites with these indices, at once or when what it needs is known.
  mutating func edit(_ intent: EditIntent, on indices: [Int]) -> [WorkbenchEffect] {
    let targets = indices.map { sites[$0] }
    guard !targets.isEmpty else { return refuse(reasonDisabled(.keep) ?? "no layer is selected") }
    lastIntent = intent
    pendingRanks = nil
    if let request = requestSpectra(intent, on: indices) { return [request] }
    var changes: [SiteChange] = []
    var substituted = 0
    var refused = 0
    var reason: String?
    for site in targets {
      switch outcome(of: intent, for: site) {
      case .choice(let choice, let why):
        if why != nil, choice.asked != nil { substituted += 1 }
        reason = reason ?? why
        changes.append(SiteChange(site: site.name, choice: choice))
      case .refused(let why):
        refused += 1
        reason = reason ?? why
      case .unchanged: break
      }
    }
    let change = targets.count == 1 ? describe(changes, intent) : intent.label
    let edit = Edit(label: intent.label, changes: changes)
    let sizeBefore = plannedByteCount ?? 0
    let planBefore = document.plan
    guard document.apply(edit) else {
      return refuse(unchangedReason(targets, intent, reason: refused > 0 ? reason : nil))
    }
    let report = EditReport(
      verb: .did, subject: subject(targets.map(\.name)), change: change,
      sizeDelta: (plannedByteCount ?? 0) - sizeBefore, substituted: substituted, refused: refused,
      reason: reason)
    let applied = document.edits.last ?? edit
    planBeforeEdit = planBefore
    return planChanged(report, entry: .edited(applied))
  }

  /// What `intent` makes of `site` as it is treated now.
  func outcome(of intent: EditIntent, for site: Site) -> EditIntent.Outcome {
    switch resolved(intent, for: site) {
    case .success(let intent): outcome(ofResolved: intent, for: site)
    case .failure(let fault): .refused(fault.reason)
    }
  }

  private func outcome(
    ofResolved intent: EditIntent, for site: Site
  ) -> EditIntent.Outcome {
    intent.outcome(
      for: site, current: document.choice(of: site.name), isCalibrated: isCalibrated(site))
  }

  mutating func undo() -> [WorkbenchEffect] {
    step(.undid, entry: .undone, nothing: "nothing to undo") { $0.undo() }
  }

  mutating func redo() -> [WorkbenchEffect] {
    step(.redid, entry: .redone, nothing: "nothing to redo") { $0.redo() }
  }

  /// Asks for everything that depends on the plan.
  mutating func planReplaced() -> [WorkbenchEffect] {
    revision += 1
    refreshComparison()
    refreshHeat()
    return [.predict(revision: revision), evaluation()]
  }

  func evaluation() -> WorkbenchEffect {
    .send(.evaluate(plan: document.plan, revision: revision, attention: list.attention))
  }

  mutating func refuse(_ reason: String) -> [WorkbenchEffect] {
    message = .refusal(reason)
    return []
  }

  private mutating func step(
    _ verb: EditReport.Verb, entry: JournalEntry, nothing: String,
    _ move: (inout Document) -> Edit?
  ) -> [WorkbenchEffect] {
    let sizeBefore = plannedByteCount ?? 0
    planBeforeEdit = document.plan
    guard let edit = move(&document) else { return refuse(nothing) }
    let report = EditReport(
      verb: verb, subject: subject(edit.changes.map(\.site)), change: edit.label,
      sizeDelta: (plannedByteCount ?? 0) - sizeBefore, substituted: 0, refused: 0, reason: nil)
    return planChanged(report, entry: entry)
  }

  mutating func planChanged(
    _ report: EditReport, entry: JournalEntry
  ) -> [WorkbenchEffect] {
    message = .edit(report)
    refreshList()
    return [.record(entry)] + planReplaced()
  }

  func subject(_ names: [String]) -> String {
    names.count == 1 ? names.first ?? "" : "\(names.count) layers"
  }

  /// `from→to` for an edit of one layer.
  private func describe(_ changes: [SiteChange], _ intent: EditIntent) -> String {
    guard let change = changes.first, let site = sites.first(where: { $0.name == change.site })
    else { return intent.label }
    let before = document.plan[site.name].compactName(for: site)
    return "\(before)→\(change.choice.treatment.compactName(for: site))"
  }

  private func unchangedReason(
    _ targets: [Site], _ intent: EditIntent, reason: String?
  ) -> String {
    if let reason { return reason }
    let who = targets.count == 1 ? targets.first?.name ?? "" : "all \(targets.count) layers"
    return "\(who): nothing to change for \(intent.label)"
  }
}

extension WorkbenchState {
  /// Shows the layers the filter lets through, in the chosen order.
  mutating func refreshList() {
    let filter = LayerFilter(list.filterField?.text ?? list.filter)
    var passing = filter.isEmpty ? sites : sites.filter { filter.passes(layer($0, for: filter)) }
    switch list.order {
    case .model: break
    case .name: passing.sort { ($0.name, $0.index) < ($1.name, $1.index) }
    case .role:
      let order = Dictionary(
        uniqueKeysWithValues: SiteRole.allCases.enumerated().map { ($1, $0) })
      passing.sort { (order[$0.role] ?? 0, $0.index) < (order[$1.role] ?? 0, $1.index) }
    case .treated:
      passing.sort {
        (document.plan[$0.name] == .keep ? 1 : 0, $0.index)
          < (document.plan[$1.name] == .keep ? 1 : 0, $1.index)
      }
    case .format:
      passing.sort {
        (format(of: $1).bitsPerWeight, $0.index) < (format(of: $0).bitsPerWeight, $1.index)
      }
    case .bytes: passing.sort { (byteCount(of: $1), $0.index) < (byteCount(of: $0), $1.index) }
    case .sensitivity: passing.sort { (harm(of: $1), $0.index) < (harm(of: $0), $1.index) }
    }
    let ordered = passing.map(\.index)
    let shown = list.isReversed ? ordered.reversed() : ordered
    if shown != list.shown { list.show(shown) }
  }

  /// `site` as a filter sees it.
  private func layer(_ site: Site, for filter: LayerFilter) -> LayerFilter.Layer {
    let treatment = document.plan[site.name]
    let isPlain = treatment.isFormatOnly || treatment == .keep
    let words = [
      site.name, site.role.rawValue, format(of: site).name, isPlain ? "" : treatment.name,
    ]
    let harm = filter.comparesLosses ? harm(of: site) : -1
    return LayerFilter.Layer(
      text: words.joined(separator: " ").lowercased(), isTreated: treatment != .keep,
      byteCount: byteCount(of: site), bitsPerWeight: bitsPerWeight(of: site),
      klMean: harm < 0 ? nil : harm)
  }

  /// Divergence at the smallest width known, for ordering; unknown sites come last.
  private func harm(of site: Site) -> Double {
    DefaultFormat.bitWidths.lazy.compactMap { sensitivity(of: site, bits: $0)?.value }.first ?? -1
  }
}
