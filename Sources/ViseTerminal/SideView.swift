import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The side panel of wide screens: the selected layer's choices, bytes by role, edits, log.
enum SideView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, rect: Rect) {
    var rect = rect
    drawLayer(state, on: &canvas, rect: &rect)
    if rect.rows >= 8 { drawRoles(state, on: &canvas, rect: &rect) }
    if rect.rows >= 5 { drawEdits(state, on: &canvas, rect: &rect) }
    if rect.rows >= 2 { drawLog(state, on: &canvas, rect: rect) }
  }

  private static func take(_ rows: Int, of rect: inout Rect) {
    let taken = min(rows, rect.rows)
    rect.row += taken
    rect.rows -= taken
  }

  private static func title(
    _ text: String, remark: String = "", on canvas: inout Canvas, rect: inout Rect
  ) {
    canvas.titledRule(
      text, remark: remark, column: rect.column, row: rect.row, columns: rect.columns)
    take(1, of: &rect)
  }

  private static func drawLayer(
    _ state: WorkbenchState, on canvas: inout Canvas, rect: inout Rect
  ) {
    guard let site = state.selectedSite else {
      title("layer", on: &canvas, rect: &rect)
      take(1, of: &rect)
      return
    }
    title(
      site.name, remark: "\(Numbers.grouped(site.parameterCount)) weights", on: &canvas,
      rect: &rect)
    let column = rect.column + 1
    let limit = rect.columns - 2
    let stored = NumberFormat.ggml(site.stored)
    canvas.put("stored as", .dim, column: column, row: rect.row)
    canvas.put(
      "\(stored.name) · \(Numbers.fixed(stored.bitsPerWeight, 2)) bits", .text,
      column: column + 10, row: rect.row, limit: limit - 10)
    canvas.put("plan", .dim, column: column, row: rect.row + 1)
    let choice = state.document.choice(of: site.name)
    let at = canvas.put(
      choice.treatment.name, choice.treatment == .keep ? .text : .edited, column: column + 10,
      row: rect.row + 1, limit: limit - 10)
    if let reason = choice.substitutionReason(for: site) {
      canvas.putShortened(
        "≠ \(reason)", .substituted, column: at + 1, row: rect.row + 1,
        limit: rect.column + rect.columns - at - 2)
    }
    take(3, of: &rect)
    ChoiceTable.draw(state, site, on: &canvas, rect: rect)
    take(DefaultFormat.usual(for: site).count + 2, of: &rect)
  }

  private static func drawRoles(
    _ state: WorkbenchState, on canvas: inout Canvas, rect: inout Rect
  ) {
    title("bytes by role", remark: "planned / as loaded", on: &canvas, rect: &rect)
    var planned: [SiteRole: Int] = [:]
    var loaded: [SiteRole: Int] = [:]
    for site in state.sites {
      planned[site.role, default: 0] += state.byteCount(of: site)
      loaded[site.role, default: 0] += state.loadedByteCount(of: site)
    }
    let largest = Double(max(loaded.values.max() ?? 1, planned.values.max() ?? 1, 1))
    let roles = SiteRole.allCases.filter { loaded[$0] != nil }.prefix(rect.rows - 1)
    let barColumns = max(rect.columns - 36, 4)
    for (offset, role) in roles.enumerated() {
      let row = rect.row + offset
      let (now, before) = (planned[role] ?? 0, loaded[role] ?? 0)
      canvas.put(role.rawValue, .dim, column: rect.column + 1, row: row, limit: 11)
      let (filled, _) = Bars.bar(Double(now) / largest, columns: barColumns)
      let (whole, rest) = Bars.bar(Double(before) / largest, columns: barColumns)
      let at = canvas.put(
        filled, now == before ? .gauge : .edited, column: rect.column + 13, row: row)
      let end = rect.column + 13 + max(barColumns - Canvas.columns(of: rest), 0)
      if at < end, whole.isEmpty == false {
        canvas.put(String(repeating: "░", count: end - at), .track, column: at, row: row)
      }
      canvas.putRight(
        Numbers.bytes(now), .text, end: rect.column + rect.columns - 12, row: row)
      canvas.putRight(
        Numbers.bytes(before), .dim, end: rect.column + rect.columns - 1, row: row)
    }
    take(roles.count + 1, of: &rect)
  }

  private static func drawEdits(
    _ state: WorkbenchState, on canvas: inout Canvas, rect: inout Rect
  ) {
    let (done, undone) = (state.document.edits, state.document.undoneEdits)
    let remark = undone.isEmpty ? "" : "\(undone.count) undone"
    title(done.isEmpty ? "edits" : "edits \(done.count)", remark: remark, on: &canvas, rect: &rect)
    let rows = min(max(done.count, 1), max(rect.rows / 2, 3))
    if done.isEmpty {
      canvas.put("none yet", .dim, column: rect.column + 1, row: rect.row)
    }
    for (offset, edit) in done.suffix(rows).reversed().enumerated() {
      let sites = edit.changes
      let who = sites.count == 1 ? sites.first?.site ?? "" : "\(sites.count) layers"
      canvas.put(edit.label, .edited, column: rect.column + 1, row: rect.row + offset, limit: 11)
      canvas.putShortened(
        who, .text, column: rect.column + 13, row: rect.row + offset, limit: rect.columns - 14)
    }
    take(rows + 1, of: &rect)
  }

  private static func drawLog(
    _ state: WorkbenchState, on canvas: inout Canvas, rect: Rect
  ) {
    var rect = rect
    title("log", on: &canvas, rect: &rect)
    for (offset, line) in state.log.suffix(rect.rows).enumerated() {
      canvas.put(
        line, .dim, column: rect.column + 1, row: rect.row + offset, limit: rect.columns - 2)
    }
  }
}

/// What a layer would take in each format, and what it would cost alone.
enum ChoiceTable {
  static func draw(
    _ state: WorkbenchState, _ site: Site, on canvas: inout Canvas, rect: Rect
  ) {
    let column = rect.column + 1
    let bytesEnd = column + 27
    let klEnd = column + 35
    canvas.put("format", .heading, column: column + 1, row: rect.row)
    canvas.putRight("bits", .heading, end: column + 15, row: rect.row)
    canvas.putRight("bytes", .heading, end: bytesEnd, row: rect.row)
    canvas.putRight("KL alone", .heading, end: klEnd + 1, row: rect.row)
    for (offset, format) in DefaultFormat.usual(for: site).enumerated() {
      let row = rect.row + 1 + offset
      guard row < rect.row + rect.rows else { return }
      let isCurrent = state.document.plan[site.name].format == format
      var treatment = state.document.plan[site.name]
      treatment = Treatment(
        sparsity: treatment.sparsity, lowRank: treatment.lowRank,
        structure: treatment.structure, format: format)
      let bytes = state.storedByteCount(of: site, under: treatment)
      let role: StyleRole = isCurrent ? .edited : bytes == nil ? .track : .text
      if isCurrent { canvas.put("•", .edited, column: column, row: row) }
      canvas.put(
        Treatment(format: format).compactName(for: site), role, column: column + 1, row: row,
        limit: 9)
      canvas.putRight(Numbers.fixed(format.bitsPerWeight, 2), role, end: column + 15, row: row)
      guard let bytes else {
        let width = format.misfit(columns: site.columns) == nil ? treatment.lowRank?.rank : nil
        canvas.put(
          "does not fit rows of \(width ?? site.columns)", .track, column: column + 17, row: row,
          limit: rect.columns - 18)
        continue
      }
      canvas.putRight(Numbers.grouped(bytes), role, end: bytesEnd, row: row)
      guard let effect = state.effect(of: site, under: treatment) else {
        canvas.putRight("·", .track, end: klEnd, row: row)
        continue
      }
      let isGuess = effect.provenance == .prior
      canvas.putRight(
        (isGuess ? "≈" : "") + Numbers.compact(effect.value), isGuess ? .dim : role, end: klEnd,
        row: row)
      let level = Bars.stripLevel(effect.value)
      let width = max(rect.columns - 40, 4)
      let (filled, _) = Bars.bar(Bars.stripShare(effect.value), columns: width)
      canvas.put(filled, .heat(level * 5 / 8), column: klEnd + 2, row: row)
    }
  }
}
