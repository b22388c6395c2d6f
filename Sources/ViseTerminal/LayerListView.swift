import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The layers: a row each, the sensitivity strip at the right.
enum LayerListView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    let list = state.list
    let columns = Columns(state: state, width: layout.mainColumns)
    let shown = list.shown.dropFirst(list.top).prefix(layout.listRows)
    canvas.titledRule(
      title(state, rows: shown.count), remark: remark(state), column: 0, row: 1,
      columns: layout.mainColumns)
    drawHeadings(columns, state, on: &canvas)
    if shown.isEmpty {
      let filter = list.filterField?.text ?? list.filter
      canvas.put(
        "no layer matches \(filter)", .dim, column: 3, row: layout.listTop + 1,
        limit: layout.mainColumns - 4)
    }
    let total = max(state.sites.reduce(0) { $0 + state.byteCount(of: $1) }, 1)
    for (offset, index) in shown.enumerated() {
      let row = layout.listTop + offset
      drawRow(
        state, state.sites[index], isSelected: list.top + offset == list.cursor,
        total: total, columns: columns, row: row, on: &canvas)
      canvas.addHit(
        Rect(column: 0, row: row, columns: layout.mainColumns, rows: 1), .listRow(offset))
    }
  }

  private static func title(_ state: WorkbenchState, rows: Int) -> String {
    let list = state.list
    let first = rows == 0 ? 0 : list.top + 1
    let last = list.top + rows
    let range = rows == list.shown.count ? "\(rows)" : "\(first)-\(last)"
    var text = "layers \(range) of \(state.sites.count)"
    if list.shown.count != state.sites.count { text += " · \(list.shown.count) match" }
    if !list.filter.isEmpty, list.filterField == nil { text += " /\(list.filter)" }
    let marked = list.marks.union(list.range).count
    if marked > 0 { text += " · \(marked) marked" }
    if list.order != .model { text += " · by \(list.order.rawValue)" }
    if list.isReversed { text += " reversed" }
    return text
  }

  private static func remark(_ state: WorkbenchState) -> String {
    guard let summary = state.summary else { return "" }
    let changed = state.document.plan.treatments.count
    let parameters = "\(Numbers.count(summary.parameterCount)) params"
    return changed == 0 ? parameters : "\(changed) treated · \(parameters)"
  }

  private static func drawHeadings(
    _ columns: Columns, _ state: WorkbenchState, on canvas: inout Canvas
  ) {
    let suffix = columns.commonSuffix
    if !suffix.isEmpty, columns.nameWidth >= 7 + suffix.count {
      canvas.put(" …\(suffix)", .track, column: 8, row: 2)
    }
    let headings = Headings(state.list)
    headings.put("layer", .name, column: 3, on: &canvas)
    if let role = columns.role { headings.put("role", .role, column: role, on: &canvas) }
    canvas.put("shape", .heading, column: columns.shape, row: 2)
    headings.put("", .treated, column: columns.format, on: &canvas)
    headings.put("format", .format, column: columns.format + 1, on: &canvas)
    headings.put("bits", .format, end: columns.bitsEnd, isMarked: false, on: &canvas)
    if let end = columns.bytesEnd { headings.put("bytes", .bytes, end: end, on: &canvas) }
    headings.put(
      "share", .bytes, end: columns.shareEnd, isMarked: columns.bytesEnd == nil, on: &canvas)
    headings.put("865432", .sensitivity, column: columns.strip, on: &canvas)
  }

  /// Headings that sort by their columns when they are clicked, marked where one does now.
  private struct Headings {
    let order: LayerOrder
    let mark: String

    init(_ list: LayerList) {
      order = list.order
      mark = list.order.isFalling == list.isReversed ? "▴" : "▾"
    }

    /// Puts `text` with the mark, where it is due, after it.
    func put(_ text: String, _ order: LayerOrder, column: Int, on canvas: inout Canvas) {
      canvas.put(text, .heading, column: column, row: 2)
      let width = Canvas.columns(of: text)
      if order == self.order { canvas.put(mark, .mark, column: column + width, row: 2) }
      addHit(order, column: column, columns: max(width, 1), on: &canvas)
    }

    /// Puts `text`, with the mark where it is due, so that both end before `end`.
    func put(
      _ text: String, _ order: LayerOrder, end: Int, isMarked: Bool = true,
      on canvas: inout Canvas
    ) {
      let showsMark = isMarked && order == self.order
      let textEnd = showsMark ? end - 1 : end
      canvas.putRight(text, .heading, end: textEnd, row: 2)
      if showsMark { canvas.put(mark, .mark, column: textEnd, row: 2) }
      let width = Canvas.columns(of: text)
      addHit(order, column: textEnd - width, columns: width, on: &canvas)
    }

    private func addHit(
      _ order: LayerOrder, column: Int, columns: Int, on canvas: inout Canvas
    ) {
      canvas.addHit(
        Rect(column: column, row: 2, columns: columns, rows: 1), .command(.sortBy(order)))
    }
  }

  private static func drawRow(
    _ state: WorkbenchState, _ site: Site, isSelected: Bool, total: Int, columns: Columns,
    row: Int, on canvas: inout Canvas
  ) {
    if isSelected {
      canvas.put("▸", .mark, column: 0, row: row)
      canvas.cursor = (0, row)
    }
    if state.list.marks.contains(site.index) || state.list.range.contains(site.index) {
      canvas.put("+", .mark, column: 1, row: row)
    }
    let name = LayerNames.short(site.name, suffix: columns.commonSuffix)
    if isSelected {
      for column in 3..<3 + columns.nameWidth {
        canvas.put(" ", .selection, column: column, row: row)
      }
    }
    canvas.putShortened(
      name, isSelected ? .selection : .text, column: 3, row: row, limit: columns.nameWidth)
    if let role = columns.role {
      canvas.put(site.role.rawValue, .dim, column: role, row: row, limit: 11)
    }
    let shape = state.planned(site)
    canvas.put(
      "\(shape.rows)×\(shape.columns)",
      shape.parameterCount == site.parameterCount ? .dim : .edited, column: columns.shape,
      row: row, limit: 11)
    drawFormat(state, site, columns: columns, row: row, on: &canvas)
    let bytes = state.byteCount(of: site)
    if let end = columns.bytesEnd {
      canvas.putRight(Numbers.bytes(bytes), .text, end: end, row: row)
    }
    let share = Double(bytes) / Double(total)
    canvas.putRight(Numbers.percent(share), .text, end: columns.shareEnd, row: row)
    if let bar = columns.bar {
      let (filled, track) = Bars.bar(share / columns.largestShare, columns: Columns.barWidth)
      let at = canvas.put(filled, .gauge, column: bar, row: row)
      canvas.put(track, .track, column: at, row: row)
    }
    StripView.draw(state, site, column: columns.strip, row: row, on: &canvas)
  }

  private static func drawFormat(
    _ state: WorkbenchState, _ site: Site, columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    let choice = state.document.choice(of: site.name)
    let isEdited = choice.treatment != .keep
    let role: StyleRole = isEdited ? .edited : .text
    if isEdited { canvas.put("•", .edited, column: columns.format, row: row) }
    let at = canvas.put(
      choice.treatment.compactName(for: site), role, column: columns.format + 1, row: row,
      limit: columns.formatWidth)
    if choice.asked != nil { canvas.put("≠", .substituted, column: at, row: row) }
    canvas.putRight(
      Numbers.fixed(state.bitsPerWeight(of: site), 2), role, end: columns.bitsEnd, row: row)
  }

  /// Where a row's parts are.
  struct Columns {
    static let barWidth = 10

    let nameWidth: Int
    let role: Int?
    let shape: Int
    let format: Int
    /// Columns of a treatment's name: more where a plan has long ones.
    let formatWidth: Int
    let bitsEnd: Int
    let bytesEnd: Int?
    let shareEnd: Int
    let bar: Int?
    let strip: Int
    /// An ending all names share, shown once in the heading.
    let commonSuffix: String
    /// The largest site's share of bytes, the length of a full bar.
    let largestShare: Double

    init(state: WorkbenchState, width: Int) {
      strip = width - 7
      bar = width >= 98 ? strip - 2 - Self.barWidth : nil
      shareEnd = (bar ?? strip - 1) - 1
      bytesEnd = width >= 88 ? shareEnd - 7 : nil
      bitsEnd = (bytesEnd.map { $0 - 10 }) ?? shareEnd - 7
      formatWidth = Self.formatWidth(state, limit: width >= 76 ? 16 : 10)
      format = bitsEnd - formatWidth - (width >= 76 ? 8 : 6)
      shape = format - (width >= 76 ? 13 : 11)
      role = width >= (formatWidth > 9 ? 98 : 76) ? shape - 12 : nil
      nameWidth = (role ?? shape) - 4
      commonSuffix = LayerNames.commonSuffix(state)
      let bytes = state.sites.map { state.byteCount(of: $0) }
      largestShare = Double(max(bytes.max() ?? 1, 1)) / Double(max(bytes.reduce(0, +), 1))
    }
  }
}

extension LayerListView.Columns {
  /// Room for the longest name of the plan, at least that of a format's.
  private static func formatWidth(_ state: WorkbenchState, limit: Int) -> Int {
    let compound = state.document.plan.treatments.filter {
      $0.value.sparsity != nil || $0.value.form != .whole
    }
    let names =
      compound.isEmpty
      ? []
      : state.sites.compactMap { site in compound[site.name]?.compactName(for: site) }
    let longest = names.map { Canvas.columns(of: $0) }.max()
    return min(max(longest ?? 7, 7), limit)
  }
}

/// Layer names without what all of them end with.
enum LayerNames {
  /// The ending all names share, where they share the usual one.
  static func commonSuffix(_ state: WorkbenchState) -> String {
    let suffix = ".weight"
    let allEndSo = !state.sites.isEmpty && state.sites.allSatisfy { $0.name.hasSuffix(suffix) }
    return allEndSo ? suffix : ""
  }

  static func short(_ name: String, suffix: String) -> String {
    name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
  }
}

/// Six cells: what storing one layer in 8, 6, 5, 4, 3 or 2 bits would cost, on a shared log scale.
enum StripView {
  static func draw(
    _ state: WorkbenchState, _ site: Site, column: Int, row: Int, on canvas: inout Canvas
  ) {
    for (offset, bits) in DefaultFormat.bitWidths.reversed().enumerated() {
      guard let effect = state.sensitivity(of: site, bits: bits) else {
        canvas.put("·", .track, column: column + offset, row: row)
        continue
      }
      let level = Bars.stripLevel(effect.value)
      let isGuess = effect.provenance == .prior
      canvas.put(
        String(Character(Bars.heights[level])), isGuess ? .dim : .heat(level * 5 / 8),
        column: column + offset, row: row)
    }
  }
}
