import ViseCompression
import ViseEstimates

extension WorkbenchState {
  mutating func openHeat() {
    var panel = HeatPanel(sites)
    if let heat { (panel.measure, panel.isPerByte) = (heat.measure, heat.isPerByte) }
    if let at = list.selected.flatMap(panel.grid.position) {
      (panel.row, panel.column) = (at.row, at.column)
    }
    heat = panel
    open(.heat)
    refreshHeat()
  }

  /// Finds all costs anew after the plan or what is known of layers has changed.
  mutating func refreshHeat() {
    guard page == .heat, let panel = heat else { return }
    let values = panel.grid.rows.map { row in row.cells.map { cost(of: $0, panel) } }
    heat?.values = values
    // Sums of costs a megabyte mean nothing.
    let costs = values.map { $0.map { panel.isPerByte ? 0 : $0?.cost ?? 0 } }
    heat?.blockTotals = costs.map { $0.reduce(0, +) }
    heat?.roleTotals = panel.grid.roles.indices.map { column in
      costs.reduce(0) { $0 + $1[column] }
    }
  }

  private func cost(of indices: [Int], _ panel: HeatPanel) -> HeatPanel.Value? {
    var (sum, saved, isGuess, isKnown) = (0.0, 0, false, false)
    for site in indices.map({ sites[$0] }) {
      guard let treatment = treatment(of: site, panel.measure), treatment != .keep,
        let effect = effect(of: site, under: treatment), effect.value.isFinite
      else { continue }
      isKnown = true
      isGuess = isGuess || effect.provenance == .prior
      sum += effect.value
      saved += savedByteCount(of: site, under: treatment)
    }
    guard isKnown, !panel.isPerByte || saved > 0 else { return nil }
    return HeatPanel.Value(
      cost: panel.isPerByte ? sum / (Double(saved) / 1e6) : sum, isGuess: isGuess)
  }

  private func treatment(of site: Site, _ measure: HeatPanel.Measure) -> Treatment? {
    switch measure {
    case .plan: document.plan[site.name]
    case .bits(let bits):
      DefaultFormat.asked(bits: bits, for: site).flatMap { DefaultFormat.resolve($0, for: site) }
        .map {
          Treatment(format: $0.used)
        }
    }
  }

  /// Moves to the layers with the largest cost, and says of how many it is the largest.
  private mutating func moveToHottest() -> [WorkbenchEffect] {
    guard let panel = heat, panel.largest > 0 else { return refuse("no cost is known yet") }
    let (known, all) = panel.counts
    message = .note(
      panel.measure == .plan
        ? "costliest of \(known) the plan treats"
        : known < all ? "costliest of \(known) of \(all) known so far" : "costliest of all \(all)")
    for (row, values) in panel.values.enumerated() {
      if let column = values.firstIndex(where: { $0?.cost == panel.largest }) {
        moveInHeat(row: row, column: column)
        break
      }
    }
    return []
  }

  mutating func moveInHeat(row: Int, column: Int) {
    guard let grid = heat?.grid else { return }
    heat?.row = min(max(row, 0), max(grid.rows.count - 1, 0))
    heat?.column = min(max(column, 0), max(grid.roles.count - 1, 0))
    // The side panel and the engine look at the layer the cursor is on.
    if let site = heat?.selected.first, let shown = list.shown.firstIndex(of: site) {
      list.move(to: shown)
    }
  }

  private mutating func toggleHeatMarks(_ sites: [Int]) {
    let sites = Set(sites)
    if sites.isSubset(of: list.marks) {
      list.marks.subtract(sites)
    } else {
      list.marks.formUnion(sites)
    }
  }

  mutating func performInHeat(_ command: Command) -> [WorkbenchEffect] {
    guard let panel = heat else { return [] }
    let (row, column, page) = (panel.row, panel.column, max(reading.rowCount - 3, 1))
    switch command {
    case .back: closePage()
    case .moveUp: moveInHeat(row: row - 1, column: column)
    case .moveDown: moveInHeat(row: row + 1, column: column)
    case .pageUp: moveInHeat(row: row - page, column: column)
    case .pageDown: moveInHeat(row: row + page, column: column)
    case .moveToTop: moveInHeat(row: 0, column: column)
    case .moveToBottom: moveInHeat(row: panel.grid.rows.count - 1, column: column)
    case .moveLeft: moveInHeat(row: row, column: column - 1)
    case .moveRight: moveInHeat(row: row, column: column + 1)
    case .moveToCostliest: return moveToHottest()
    case .nextMeasure, .previousMeasure:
      let all = HeatPanel.Measure.all
      let index = all.firstIndex(of: panel.measure) ?? 0
      let step = command == .nextMeasure ? 1 : all.count - 1
      heat?.measure = all[(index + step) % all.count]
      refreshHeat()
    case .togglePerByte:
      heat?.isPerByte.toggle()
      refreshHeat()
    case .toggleMark: toggleHeatMarks(panel.selected)
    case .markBlock: toggleHeatMarks(panel.grid.rows[row].cells.flatMap { $0 })
    case .markRole: toggleHeatMarks(panel.grid.rows.flatMap { $0.cells[column] })
    case .confirm, .openDetail: return showInHeat(panel, command)
    // All else is an edit of the layers under the cursor or marked.
    default: return performOnBench(command)
    }
    return []
  }

  /// Shows the layer under the cursor on the bench, or in detail.
  private mutating func showInHeat(
    _ panel: HeatPanel, _ command: Command
  ) -> [WorkbenchEffect] {
    guard let site = panel.selected.first else { return refuse("no layer is here") }
    guard let shown = list.shown.firstIndex(of: site) else {
      return refuse("\(sites[site].name) is filtered out (esc on the bench clears the filter)")
    }
    list.move(to: shown)
    if command == .openDetail { open(.detail) } else { closePage() }
    return []
  }
}
