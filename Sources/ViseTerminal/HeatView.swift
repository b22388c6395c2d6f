import ViseCompression
import ViseWorkbench

/// What treating layers costs as one picture: blocks down, roles across, sums at the edges.
enum HeatView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    guard let panel = state.heat else { return }
    let columns = Columns(width: layout.mainColumns, panel: panel)
    let what = panel.isPerByte ? "KL for each MB saved" : "KL of each layer alone"
    let marked = state.list.marks.count
    canvas.titledRule(
      "\(what), \(panel.measure.title)", remark: marked > 0 ? "\(marked) marked" : "", column: 0,
      row: 1, columns: layout.mainColumns)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
    drawHeadings(panel, columns, on: &canvas)
    let rows = max(layout.noteRow - 5, 1)
    let top = ListWindow.top(cursor: panel.row, rows: rows, of: panel.grid.rows.count)
    let scale = Scale(panel)
    let largest = panel.blockTotals.max() ?? 0
    for offset in 0..<min(rows, panel.grid.rows.count - top) {
      drawRow(
        top + offset, state, panel, columns, scale, largest: largest, row: 3 + offset, on: &canvas)
    }
    drawTotals(panel, columns, row: layout.noteRow - 2, on: &canvas)
    drawSelected(state, panel, columns, row: layout.noteRow - 1, on: &canvas)
  }

  /// Where the grid's parts are; with many roles only those about the cursor are shown.
  private struct Columns {
    static let label = 7

    let width: Int
    let cell: Int
    let first: Int
    let shown: Int
    /// Where sums of blocks stand, where there is room.
    let totals: Int?

    init(width: Int, panel: HeatPanel) {
      self.width = width
      let roles = max(panel.grid.roles.count, 1)
      let margin = width >= 90 ? 16 : 0
      let room = max(width - Self.label - margin - 1, 1)
      cell = min(max(room / roles, 6), 14)
      shown = min(max(room / cell, 1), roles)
      first = ListWindow.top(cursor: panel.column, rows: shown, of: roles)
      totals = margin > 0 ? Self.label + shown * cell + 1 : nil
    }

    func column(_ index: Int) -> Int { Self.label + (index - first) * cell }
    var range: Range<Int> { first..<first + shown }
  }

  /// The place of a cost on the colour scale.
  private struct Scale {
    let largest: Double?

    /// Divergences share the bench's scale; costs a megabyte have one of their own.
    init(_ panel: HeatPanel) {
      largest = panel.isPerByte ? panel.largest : nil
    }

    func level(_ cost: Double) -> Int {
      guard let largest else { return Bars.stripLevel(cost) }
      guard cost > 0, largest > 0 else { return 0 }
      return min(max(Int((Bars.logarithm(cost / largest) + 4) * 2), 0), 7)
    }
  }

  private static func drawHeadings(
    _ panel: HeatPanel, _ columns: Columns, on canvas: inout Canvas
  ) {
    canvas.put("block", .heading, column: 1, row: 2)
    for index in columns.range {
      let role = panel.grid.roles[index]
      canvas.putShortened(
        columns.cell < 13 ? short(role) : role.rawValue, index == panel.column ? .choice : .heading,
        column: columns.column(index) + 1,
        row: 2, limit: columns.cell - 1)
    }
    if let totals = columns.totals, !panel.isPerByte {
      canvas.put("sum", .heading, column: totals, row: 2)
    }
  }

  /// The role in few letters, as papers write them.
  private static func short(_ role: SiteRole) -> String {
    switch role {
    case .tokenEmbedding: "embd"
    case .attentionQuery: "q"
    case .attentionKey: "k"
    case .attentionValue: "v"
    case .attentionQKV: "qkv"
    case .attentionOutput: "o"
    case .ffnGate: "gate"
    case .ffnUp: "up"
    case .ffnDown: "down"
    default: role.rawValue
    }
  }

  private static func drawRow(
    _ index: Int, _ state: WorkbenchState, _ panel: HeatPanel, _ columns: Columns,
    _ scale: Scale, largest: Double, row: Int, on canvas: inout Canvas
  ) {
    let isCurrent = index == panel.row
    let entry = panel.grid.rows[index]
    canvas.putRight(entry.label, isCurrent ? .choice : .dim, end: 6, row: row)
    for column in columns.range {
      let at = columns.column(column)
      let sites = entry.cells[column]
      if isCurrent, column == panel.column {
        canvas.put("▸", .mark, column: at, row: row)
        canvas.cursor = (at, row)
      } else if !sites.isEmpty, state.list.marks.isSuperset(of: sites) {
        canvas.put("◆", .mark, column: at, row: row)
      }
      guard !sites.isEmpty else { continue }
      canvas.addHit(
        Rect(column: at, row: row, columns: columns.cell, rows: 1),
        .item(index * panel.grid.roles.count + column))
      guard let value = panel.values[index][column] else {
        canvas.put("·", .track, column: at + 1, row: row)
        continue
      }
      draw(value, scale, at: at + 1, columns: columns.cell - 2, row: row, on: &canvas)
    }
    guard let totals = columns.totals, panel.blockTotals.indices.contains(index), largest > 0
    else { return }
    let (filled, _) = Bars.bar(panel.blockTotals[index] / largest, columns: 13)
    let at = canvas.put(filled, .gauge, column: totals, row: row)
    if panel.isPartial(panel.grid.roles.indices.map { (row: index, column: $0) }) {
      canvas.put("…", .dim, column: at, row: row)
    }
  }

  /// A block as high as the cost, and the figure where there is room.
  private static func draw(
    _ value: HeatPanel.Value, _ scale: Scale, at column: Int, columns: Int, row: Int,
    on canvas: inout Canvas
  ) {
    let level = scale.level(value.cost)
    let role: StyleRole = value.isGuess ? .dim : .heat(level * 5 / 8)
    let glyph = String(Character(Bars.heights[level]))
    guard columns >= 9 else {
      canvas.put(String(repeating: glyph, count: max(columns, 1)), role, column: column, row: row)
      return
    }
    let at = canvas.put(glyph + glyph, role, column: column, row: row)
    canvas.put(
      (value.isGuess ? "≈" : " ") + Numbers.compact(value.cost), .text, column: at, row: row,
      limit: columns - 2)
  }

  private static func drawTotals(
    _ panel: HeatPanel, _ columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    guard !panel.isPerByte else {
      canvas.put(
        "what a role costs is no sum of costs a megabyte", .track, column: 1, row: row,
        limit: columns.width - 2)
      return
    }
    canvas.putRight("sum", .heading, end: 6, row: row)
    for index in columns.range where panel.roleTotals.indices.contains(index) {
      let isPartial = panel.isPartial(panel.grid.rows.indices.map { (row: $0, column: index) })
      let figure = Numbers.compact(panel.roleTotals[index], within: columns.cell - 2)
      canvas.put(
        isPartial ? "≥\(figure)" : figure, isPartial ? .dim : .text,
        column: columns.column(index) + 1, row: row)
    }
  }

  private static func drawSelected(
    _ state: WorkbenchState, _ panel: HeatPanel, _ columns: Columns, row: Int,
    on canvas: inout Canvas
  ) {
    guard let first = panel.selected.first else {
      canvas.put("no layer is here", .dim, column: 1, row: row)
      return
    }
    let site = state.sites[first]
    let more = panel.selected.count > 1 ? " and \(panel.selected.count - 1) more" : ""
    let value = panel.values[panel.row][panel.column]
    let cost =
      value.map { value in
        "\(value.isGuess ? "≈" : "")\(Numbers.compact(value.cost)) nats"
          + (panel.isPerByte ? " a MB saved" : "")
      } ?? (panel.measure == .plan ? "untreated" : "not known yet")
    let name = LayerNames.short(site.name, suffix: LayerNames.commonSuffix(state))
    canvas.putShortened(
      "\(name)\(more): \(cost), now \(state.document.plan[site.name].compactName(for: site))",
      .value, column: 1, row: row, limit: columns.width - 2)
  }
}
