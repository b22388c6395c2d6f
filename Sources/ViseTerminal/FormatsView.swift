import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The list of formats for the targets of an edit.
enum FormatsView {
  /// A line of the list.
  private enum Line {
    case title(FormatGroup)
    case choice(Int)
  }

  /// Lines shown at once: a taller list would cost a slow line more than it tells.
  private static let rowLimit = 19

  static func draw(
    _ picker: FormatPicker, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let single = picker.targets.count == 1 ? picker.targets.first.map { state.sites[$0] } : nil
    let who = single?.name ?? "\(picker.targets.count) layers"
    let lines = lines(of: picker)
    let inside = OverlayView.box(
      "format · \(who)", columns: 76, rows: min(lines.count, rowLimit) + 5, on: &canvas,
      layout: layout)
    drawHeadings(isSingle: single != nil, inside, on: &canvas)
    let rows = max(inside.rows - 3, 1)
    let current = lines.firstIndex { if case .choice(picker.cursor) = $0 { true } else { false } }
    let top = max(min((current ?? 0) - rows / 2, lines.count - rows), 0)
    for (offset, line) in lines.dropFirst(top).prefix(rows).enumerated() {
      let row = inside.row + 1 + offset
      switch line {
      case .title(let group):
        canvas.titledRule(group.title, column: inside.column, row: row, columns: inside.columns)
      case .choice(let index):
        drawRow(
          picker.choices[index], isCurrent: index == picker.cursor, single: single,
          inside: inside, row: row, on: &canvas)
        OverlayView.addItem(index, inside, row: row, on: &canvas)
      }
    }
    drawOutcome(picker, state, inside, on: &canvas)
  }

  private static func lines(of picker: FormatPicker) -> [Line] {
    var lines: [Line] = []
    var group = FormatGroup.stored
    for (index, choice) in picker.choices.enumerated() {
      if choice.group != group { lines.append(.title(choice.group)) }
      group = choice.group
      lines.append(.choice(index))
    }
    return lines
  }

  /// What the exported file would shrink or grow to, and what stands in the way.
  private static func drawOutcome(
    _ picker: FormatPicker, _ state: WorkbenchState, _ inside: Rect, on canvas: inout Canvas
  ) {
    let choice = picker.choices[picker.cursor]
    let row = inside.row + inside.rows - 1
    if let reason = choice.reason ?? choice.ggufRestriction {
      canvas.putShortened(
        reason, .substituted, column: inside.column, row: row - 1, limit: inside.columns)
    }
    guard let now = state.plannedByteCount,
      let then = state.fileByteCount(choosing: choice, for: picker.targets)
    else { return }
    canvas.put(
      "file \(Numbers.bytes(now)) → \(Numbers.bytes(then)) (\(Numbers.byteDelta(then - now)))",
      .dim, column: inside.column, row: row)
  }

  private static func drawHeadings(isSingle: Bool, _ inside: Rect, on canvas: inout Canvas) {
    canvas.put("format", .heading, column: inside.column + 2, row: inside.row)
    canvas.putRight("bits", .heading, end: inside.column + 22, row: inside.row)
    canvas.putRight("bytes", .heading, end: inside.column + 36, row: inside.row)
    canvas.putRight(
      isSingle ? "KL alone" : "KL sum", .heading, end: inside.column + 46, row: inside.row)
    canvas.put("fit", .heading, column: inside.column + 49, row: inside.row)
  }

  private static func drawRow(
    _ choice: FormatChoice, isCurrent: Bool, single: Site?, inside: Rect, row: Int,
    on canvas: inout Canvas
  ) {
    let column = inside.column
    let role: StyleRole = isCurrent ? .choice : choice.byteCount == nil ? .track : .text
    if isCurrent {
      canvas.put("▸", .mark, column: column, row: row)
      canvas.cursor = (column, row)
      for offset in 2..<17 { canvas.put(" ", .choice, column: column + offset, row: row) }
    }
    canvas.put(choice.format?.name ?? "as stored", role, column: column + 2, row: row, limit: 15)
    if let format = choice.format ?? single.map({ NumberFormat.ggml($0.stored) }) {
      canvas.putRight(
        Numbers.fixed(format.bitsPerWeight, 2), .text, end: column + 22, row: row)
    }
    if let bytes = choice.byteCount {
      canvas.putRight(Numbers.grouped(bytes), .text, end: column + 36, row: row)
    }
    if let effect = choice.effect {
      let isGuess = effect.provenance == .prior
      canvas.putRight(
        (isGuess ? "≈" : "") + Numbers.compact(effect.value), isGuess ? .dim : .text,
        end: column + 46, row: row)
    } else if choice.format != nil {
      canvas.putRight("·", .track, end: column + 46, row: row)
    }
    drawFit(choice, isSingle: single != nil, column: column + 49, row: row, inside, on: &canvas)
  }

  private static func drawFit(
    _ choice: FormatChoice, isSingle: Bool, column: Int, row: Int, _ inside: Rect,
    on canvas: inout Canvas
  ) {
    let limit = inside.column + inside.columns - column
    let (text, role): (String, StyleRole) =
      if choice.byteCount == nil {
        ("does not fit", .bad)
      } else if choice.format == nil {
        ("as the file has it", .dim)
      } else if isSingle, choice.substituted > 0 {
        ("≠ \(choice.reason?.split(separator: " ").first ?? "")", .substituted)
      } else if choice.substituted + choice.refused > 0 {
        (
          "≠ \(choice.substituted) replaced"
            + (choice.refused > 0 ? ", \(choice.refused) kept" : ""), .substituted
        )
      } else if choice.ggufRestriction != nil {
        ("safetensors only", .warn)
      } else {
        ("ok", .text)
      }
    canvas.put(text, role, column: column, row: row, limit: limit)
  }
}

/// The list of methods for the targets of an edit.
enum MethodsView {
  static func draw(
    _ picker: MethodPicker, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let single = picker.targets.count == 1 ? picker.targets.first.map { state.sites[$0].name } : nil
    let inside = OverlayView.box(
      "method · \(single ?? "\(picker.targets.count) layers")", columns: 76,
      rows: picker.options.count + 4, on: &canvas, layout: layout)
    let rows = max(inside.rows - 1, 1)
    let top = max(min(picker.cursor - rows / 2, picker.options.count - rows), 0)
    for (offset, option) in picker.options.dropFirst(top).prefix(rows).enumerated() {
      drawRow(
        option, isCurrent: top + offset == picker.cursor, inside, row: inside.row + offset,
        on: &canvas)
      OverlayView.addItem(top + offset, inside, row: inside.row + offset, on: &canvas)
    }
    if let reason = picker.options[picker.cursor].reason {
      canvas.putShortened(
        reason, .substituted, column: inside.column, row: inside.row + inside.rows - 1,
        limit: inside.columns)
    }
  }

  private static func drawRow(
    _ option: MethodOption, isCurrent: Bool, _ inside: Rect, row: Int, on canvas: inout Canvas
  ) {
    let column = inside.column
    if isCurrent {
      canvas.put("▸", .mark, column: column, row: row)
      canvas.cursor = (column, row)
    }
    if option.current > 0 { canvas.put("•", .edited, column: column + 1, row: row) }
    let role: StyleRole = isCurrent ? .choice : option.accepted == 0 ? .track : .text
    canvas.put(option.choice.stage, .dim, column: column + 2, row: row)
    canvas.put(option.choice.name, role, column: column + 10, row: row)
    canvas.put(
      option.choice.summary, .dim, column: column + 26, row: row,
      limit: min(28, inside.columns - 26))
    if option.choice.needsCalibration {
      canvas.putRight(
        option.accepted == 0 ? "needs calibration" : "calibrated",
        option.accepted == 0 ? .warn : .ok, end: column + inside.columns, row: row)
    }
  }
}
