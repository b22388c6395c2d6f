import ViseCompression
import ViseEstimates
import ViseWorkbench

/// The three gauges: quality, size, latency, each with where its figure comes from.
enum GaugesView {
  /// Divergence at the ends of the quality gauge, in nats.
  static let qualityScale = (floor: 1e-4, ceiling: 10.0)

  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    let row = layout.estimateRow
    canvas.titledRule(
      "estimate", remark: story(state), column: 0, row: row, columns: layout.mainColumns)
    let columns = Columns(width: layout.mainColumns)
    drawQuality(state, columns, row: row + 1, on: &canvas)
    drawSize(state, columns, row: row + 2, on: &canvas)
    drawLatency(state, columns, row: row + 3, on: &canvas)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
  }

  /// Where the quality figure comes from, in full.
  private static func story(_ state: WorkbenchState) -> String {
    guard let kl = state.figures.quality?.klMean else { return "" }
    if kl.provenance == .exact { return "the reference itself" }
    let level = kl.interval.map { " · \(Numbers.fixed($0.level * 100, 0)) % interval" } ?? ""
    let trust = kl.trust.map { ($0.isOutside ? " · " : " ") + $0.words } ?? ""
    return (state.isQualityStale ? "stale, " : "") + kl.provenance.sentence(state.sample) + level
      + trust
  }

  private static func drawQuality(
    _ state: WorkbenchState, _ columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    canvas.put("quality", .heading, column: 1, row: row)
    guard let quality = state.figures.quality else {
      let reason = state.summary?.evaluationUnavailable
      canvas.put(
        reason.map { "unknown: \($0)" } ?? "waiting for the engine", .dim, column: columns.value,
        row: row, limit: columns.width - columns.value - 1)
      return
    }
    let kl = quality.klMean
    let role: StyleRole = state.isQualityStale ? .dim : .value
    if case .outside(let limit) = kl.trust {
      canvas.put("> \(Numbers.compact(limit)) nats", .warn, column: columns.value, row: row)
    } else {
      put(kl, scale: 1, unit: " nats", role, columns, row: row, on: &canvas)
    }
    let cells = Bars.gauge(
      value: position(kl.value), lower: kl.interval.map { position($0.lower) },
      upper: kl.interval.map { position($0.upper) },
      ticks: [0.01, 0.1, 1].map(position), columns: columns.gaugeWidth)
    put(cells, isStale: state.isQualityStale, columns, row: row, on: &canvas)
    let limit = Verdict(kl.value, limit: state.limits.klMean) { Numbers.compact($0) }
    var notes = limit.notes
    if let ratio = quality.perplexityRatio {
      notes.append("ppl ×\(Numbers.fixed(ratio.value, ratio.value < 10 ? 4 : 1))")
    }
    if let change = quality.accuracyChange {
      let points = change.value * 100
      let digits = Numbers.fixed(abs(points), abs(points) < 9.995 ? 2 : 1)
      notes.append("acc \(points < 0 ? "−" : "+")\(digits) pt")
    }
    if let agreement = quality.top1Agreement {
      let word = state.sample == .token ? "top-1" : "same"
      notes.append("\(word) \(Numbers.fixed(agreement.value * 100, 1)) %")
    }
    let count = putNotes(notes, columns, row: row, on: &canvas)
    putWord(
      kl.provenance, isStale: state.isQualityStale, isOver: limit.isOver && count == 0, columns,
      row: row, on: &canvas)
  }

  private static func drawSize(
    _ state: WorkbenchState, _ columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    canvas.put("size", .heading, column: 1, row: row)
    guard let bytes = state.plannedByteCount, let whole = state.referenceByteCount else { return }
    let end = canvas.put(Numbers.bytes(bytes), .value, column: columns.value, row: row)
    if state.exportTarget != .gguf {
      canvas.put(
        state.exportTarget.rawValue, .dim, column: end + 1, row: row, limit: columns.gauge - 2 - end
      )
    }
    let (filled, track) = Bars.bar(
      Double(bytes) / Double(max(whole, 1)), columns: columns.gaugeWidth)
    let at = canvas.put(filled, .gauge, column: columns.gauge, row: row)
    canvas.put(track, .track, column: at, row: row)
    let ratio = "÷ \(Numbers.fixed(Double(whole) / Double(max(bytes, 1)), 2))"
    guard let limit = state.limits.byteCount else {
      _ = putNotes([ratio, "\(Numbers.grouped(bytes)) B"], columns, row: row, on: &canvas)
      putWord(
        state.sizeProvenance, isStale: false, isOver: false, columns, row: row, on: &canvas)
      return
    }
    let place = Int(Double(limit) / Double(max(whole, 1)) * Double(columns.gaugeWidth))
    if (0..<columns.gaugeWidth).contains(place) {
      canvas.put("┃", .warn, column: columns.gauge + place, row: row)
    }
    let verdict = Verdict(Double(bytes), limit: Double(limit)) { Numbers.bytes(Int($0)) }
    let count = putNotes(verdict.notes + [ratio], columns, row: row, on: &canvas)
    putWord(
      state.sizeProvenance, isStale: false, isOver: verdict.isOver && count == 0, columns,
      row: row, on: &canvas)
  }

  private static func drawLatency(
    _ state: WorkbenchState, _ columns: Columns, row: Int, on canvas: inout Canvas
  ) {
    canvas.put("latency", .heading, column: 1, row: row)
    guard let latency = state.figures.latency?.decodeSecondsPerToken else {
      canvas.put("waiting for the engine", .dim, column: columns.value, row: row)
      return
    }
    let role: StyleRole = state.isLatencyStale ? .dim : .value
    put(latency, scale: 1000, unit: " ms", role, columns, row: row, on: &canvas)
    let reference = state.figures.referenceLatency?.decodeSecondsPerToken.value
    let scale = 1.25 * max(reference ?? 0, latency.value, .leastNonzeroMagnitude)
    let cells = Bars.gauge(
      value: latency.value / scale, lower: latency.interval.map { $0.lower / scale },
      upper: latency.interval.map { $0.upper / scale },
      ticks: reference.map { [$0 / scale] } ?? [], columns: columns.gaugeWidth)
    put(cells, isStale: state.isLatencyStale, columns, row: row, on: &canvas)
    let limit = Verdict(latency.value, limit: state.limits.decodeSeconds) {
      "\(Numbers.compact($0 * 1e3)) ms"
    }
    let unit = state.sample == .token ? "tok/s" : "img/s"
    var notes = limit.notes
    notes.append("\(Numbers.compact(1 / max(latency.value, 1e-9))) \(unit)")
    if let reference, latency.value > 0 {
      notes.append("÷ \(Numbers.fixed(reference / latency.value, 2))")
    }
    let count = putNotes(notes, columns, row: row, on: &canvas)
    putWord(
      latency.provenance, isStale: state.isLatencyStale, isOver: limit.isOver && count == 0,
      columns, row: row, on: &canvas)
  }

  /// A divergence's place on the gauge, 0…1.
  private static func position(_ nats: Double) -> Double {
    guard nats > qualityScale.floor else { return 0 }
    return Bars.logarithm(nats / qualityScale.floor)
      / Bars.logarithm(qualityScale.ceiling / qualityScale.floor)
  }
}

extension GaugesView {
  private static func put(
    _ estimate: Estimate, scale: Double, unit: String, _ role: StyleRole, _ columns: Columns,
    row: Int, on canvas: inout Canvas
  ) {
    let value = estimate.value * scale
    let at = canvas.put(Numbers.compact(value) + unit, role, column: columns.value, row: row)
    guard let interval = estimate.interval else { return }
    canvas.put(
      " ±\(Numbers.halfWidth(interval.halfWidth * scale, beside: value))", .dim, column: at,
      row: row, limit: columns.gauge - 1 - at)
  }

  private static func put(
    _ cells: [Bars.GaugeCell], isStale: Bool, _ columns: Columns, row: Int,
    on canvas: inout Canvas
  ) {
    for (offset, cell) in cells.enumerated() {
      canvas.put(
        String(Character(cell.scalar)), isStale ? .track : cell.role,
        column: columns.gauge + offset, row: row)
    }
  }

  /// Whether a figure keeps the user's limit, as a note; shortest where it does not.
  private struct Verdict {
    let isOver: Bool
    let notes: [String]

    init(_ value: Double, limit: Double?, _ text: (Double) -> String) {
      isOver = limit.map { value > $0 } ?? false
      notes = limit.map { [value > $0 ? "OVER \(text($0))" : "≤ \(text($0)) ok"] } ?? []
    }
  }

  /// As many notes as fit whole; returns how many.
  private static func putNotes(
    _ notes: [String], _ columns: Columns, row: Int, on canvas: inout Canvas
  ) -> Int {
    var column = columns.note
    for (index, note) in notes.enumerated() {
      guard column + Canvas.columns(of: note) <= columns.note + columns.noteWidth else {
        return index
      }
      let role: StyleRole = note.hasPrefix("OVER") ? .bad : .text
      column = canvas.put(note, role, column: column, row: row) + 2
    }
    return notes.count
  }

  /// Where the figure comes from; where there is room for one word only, it is the limit's.
  private static func putWord(
    _ provenance: Provenance, isStale: Bool, isOver: Bool, _ columns: Columns, row: Int,
    on canvas: inout Canvas
  ) {
    if isOver {
      canvas.put("OVER", .bad, column: columns.word, row: row)
      return
    }
    let role: StyleRole =
      switch provenance {
      case .exact, .measured: .ok
      case .predicted: .dim
      case .prior: .warn
      }
    canvas.put(
      isStale ? "stale" : provenance.word, isStale ? .warn : role, column: columns.word, row: row)
  }

  /// Where a gauge's parts are.
  struct Columns {
    let width: Int
    let value: Int
    let gauge: Int
    let gaugeWidth: Int
    let note: Int
    let noteWidth: Int
    let word: Int

    init(width: Int) {
      self.width = width
      value = width >= 76 ? 12 : 10
      gauge = value + 21
      word = width - 10
      noteWidth = width >= 94 ? 26 : width >= 76 ? 12 : 0
      note = word - (noteWidth > 0 ? 2 + noteWidth : 0)
      gaugeWidth = max(note - 2 - gauge, 1)
    }
  }
}
