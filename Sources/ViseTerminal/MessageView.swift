import ViseEstimates
import ViseWorkbench

/// The message row and the note above it: what the last edit did.
enum MessageView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    let row = layout.messageRow
    let limit = layout.size.columns - 2
    if let prefix = state.prefix {
      ContinuationsView.draw(of: prefix, state, on: &canvas, layout: layout)
      return
    }
    if let field = state.list.filterField, state.overlay == nil {
      let at = canvas.put("/", .key, column: 1, row: row)
      FieldView.draw(field, column: at, row: row, columns: min(limit - 1, 60), on: &canvas)
    } else if case .prompt(let prompt)? = state.overlay {
      drawPrompt(prompt, row: row, limit: limit, on: &canvas)
    } else {
      drawMessage(state, row: row, limit: limit, on: &canvas)
    }
    if let note = note(state) {
      canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
      canvas.putShortened(
        " \(note) ", .substituted, column: 2, row: layout.noteRow, limit: limit - 3)
    }
  }

  private static func drawPrompt(
    _ prompt: Prompt, row: Int, limit: Int, on canvas: inout Canvas
  ) {
    let at = canvas.put("\(prompt.kind.label): ", .key, column: 1, row: row)
    FieldView.draw(prompt.field, column: at, row: row, columns: limit + 1 - at, on: &canvas)
  }

  private static func drawMessage(
    _ state: WorkbenchState, row: Int, limit: Int, on canvas: inout Canvas
  ) {
    switch state.message {
    case .note(let text)?: canvas.putShortened(text, .text, column: 1, row: row, limit: limit)
    case .refusal(let text)?: canvas.putShortened(text, .warn, column: 1, row: row, limit: limit)
    case .edit(let report)?: drawReport(report, state, row: row, limit: limit, on: &canvas)
    case nil: break
    }
  }

  /// Parts are dropped whole where the row is too short, the least telling first.
  private static func drawReport(
    _ report: EditReport, _ state: WorkbenchState, row: Int, limit: Int, on canvas: inout Canvas
  ) {
    let name = LayerNames.short(report.subject, suffix: LayerNames.commonSuffix(state))
    let head: [Part] = [
      Part("\(verb(report))\(report.change):", .edited),
      Part("size \(Numbers.byteDelta(report.sizeDelta))", .text),
    ]
    let undo = report.verb == .did ? [Part("(u undoes)", .dim)] : []
    let (full, short) = quality(report, state)
    let nameColumns = min(Canvas.columns(of: name), 40)
    let wordings = [head + full + undo, head + full, head + short, head]
    let room = limit - nameColumns
    let shortest = limit - 12
    let parts =
      wordings.first { width($0) <= room } ?? wordings.first { width($0) <= shortest } ?? head
    let nameLimit = min(nameColumns, max(limit - width(parts), 8))
    canvas.putShortened(name, .text, column: 1, row: row, limit: nameLimit)
    var column = 1 + nameLimit
    for part in parts {
      column = canvas.put(part.text, part.role, column: column + 2, row: row)
    }
  }

  private struct Part {
    let text: String
    let role: StyleRole

    init(_ text: String, _ role: StyleRole) {
      self.text = text
      self.role = role
    }
  }

  private static func width(_ parts: [Part]) -> Int {
    parts.reduce(0) { $0 + Canvas.columns(of: $1.text) + 2 }
  }

  private static func verb(_ report: EditReport) -> String {
    switch report.verb {
    case .wentTo: "at "
    case .did: ""
    case .undid: "undid "
    case .redid: "redid "
    }
  }

  /// The divergence before and after with its source, with its interval and without.
  private static func quality(
    _ report: EditReport, _ state: WorkbenchState
  ) -> (full: [Part], short: [Part]) {
    guard let after = report.klAfter else {
      let isPossible = state.summary?.evaluationUnavailable == nil
      let part = Part(isPossible ? "KL not known yet" : "KL unknown", .dim)
      return ([part], [part])
    }
    let before = report.klBefore.map { "\(Numbers.compact($0.value))→" } ?? ""
    let change = "KL \(before)\(Numbers.compact(after.value))"
    let half = after.interval.map {
      " ±\(Numbers.halfWidth($0.halfWidth, beside: after.value))"
    }
    let word = Part(after.provenance.word, .dim)
    return ([Part(change + (half ?? "") + " nats", .text), word], [Part(change, .text), word])
  }

  /// Why a layer got something else than was asked for.
  private static func note(_ state: WorkbenchState) -> String? {
    if case .prompt(let prompt)? = state.overlay { return prompt.problem ?? prompt.kind.example }
    guard state.overlay == nil, case .edit(let report)? = state.message,
      let reason = report.reason
    else { return nil }
    var parts: [String] = []
    if report.substituted > 0 {
      parts.append(
        report.substituted == 1 ? "≠ other format" : "≠ \(report.substituted) other formats")
    }
    if report.refused > 0 { parts.append("\(report.refused) left as they were") }
    return parts.isEmpty ? reason : "\(parts.joined(separator: ", ")): \(reason)"
  }
}

/// What may follow the first key of two: all of it, in the lowest rows.
enum ContinuationsView {
  /// A key of one letter, and the longest summary.
  private static let columnWidth = 30

  static func draw(
    of prefix: KeyPress, _ state: WorkbenchState, on canvas: inout Canvas, layout: Layout
  ) {
    let entries = KeyTable.continuations(of: prefix, in: state.context).compactMap {
      binding -> (key: String, command: Command)? in
      let sequence = binding.sequences.first { $0.first == prefix && $0.count > 1 }
      return sequence?.last.map { ($0.label, binding.command) }
    }
    let columns = max(layout.size.columns / columnWidth, 1)
    let rows = (entries.count + columns - 1) / columns
    let top = layout.messageRow - rows + 1
    canvas.clear(Rect(column: 0, row: top, columns: layout.size.columns, rows: rows))
    let cursor = canvas.cursor
    canvas.dropHits()
    canvas.cursor = cursor
    canvas.titledRule("\(prefix.label) …", column: 0, row: top - 1, columns: layout.size.columns)
    for (index, entry) in entries.enumerated() {
      let column = index / rows * columnWidth + 1
      let row = top + index % rows
      let at = canvas.put(entry.key, .key, column: column, row: row) + 1
      canvas.put(entry.command.summary, .hint, column: at, row: row)
      canvas.addHit(
        Rect(column: column, row: row, columns: columnWidth - 1, rows: 1),
        .command(entry.command))
    }
  }
}

/// A text field with its cursor; shows the end of what is longer than it.
enum FieldView {
  static func draw(
    _ field: TextField, column: Int, row: Int, columns: Int, on canvas: inout Canvas
  ) {
    for offset in 0..<columns { canvas.put(" ", .field, column: column + offset, row: row) }
    let hidden = max(field.cursor - (columns - 1), 0)
    let text = String(field.characters.dropFirst(hidden))
    canvas.put(text, .field, column: column, row: row, limit: columns)
    let before = String(field.characters[hidden..<field.cursor])
    canvas.cursor = (min(column + Canvas.columns(of: before), column + columns - 1), row)
  }
}

/// The last row: the keys that matter here, most telling first to stay.
enum FooterView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    // Until a model is open there is nothing to edit.
    let hints = KeyTable.hints(in: state.context).filter {
      state.summary != nil || state.opening == .choosing || state.overlay != nil
        || [.quit, .openHelp].contains($0.command)
    }
    var room = layout.size.columns - 1
    var kept: Set<Int> = []
    for index in hints.indices.sorted(by: { (hints[$0].hint.rank, $0) < (hints[$1].hint.rank, $1) })
    {
      let columns = width(hints[index].hint)
      guard columns <= room else { break }
      room -= columns
      kept.insert(index)
    }
    var column = 1
    for index in hints.indices where kept.contains(index) {
      let (hint, command) = hints[index]
      let start = column
      column = canvas.put(hint.keys, .key, column: column, row: layout.footerRow) + 1
      column = canvas.put(hint.word, .hint, column: column, row: layout.footerRow) + 2
      canvas.addHit(
        Rect(column: start, row: layout.footerRow, columns: column - start - 2, rows: 1),
        .command(command))
    }
  }

  private static func width(_ hint: FooterHint) -> Int {
    Canvas.columns(of: hint.keys) + 1 + Canvas.columns(of: hint.word) + 2
  }
}
