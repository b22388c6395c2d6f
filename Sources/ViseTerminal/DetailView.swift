import ViseCompression
import ViseEstimates
import ViseWorkbench

/// One layer's values: before and after, what the treatment loses, what its rank holds.
enum DetailView {
  static func draw(_ state: WorkbenchState, on canvas: inout Canvas, layout: Layout) {
    guard let site = state.selectedSite else { return }
    let columns = layout.mainColumns
    canvas.titledRule(
      "\(site.name) · \(site.rows)×\(site.columns)",
      remark: weights(state, site, isWide: columns >= 72), column: 0, row: 1, columns: columns)
    let room = layout.noteRow - 2 - fixedRows
    let spectrumRows = max(room * 2 / 5, 1)
    var rect = Rect(column: 0, row: 2, columns: columns, rows: max(room - spectrumRows, 1) + 2)
    drawHistograms(state, site, on: &canvas, rect: rect)
    rect.row += rect.rows
    drawErrors(state, site, on: &canvas, row: rect.row, columns: columns)
    rect.row += 2
    rect.rows = spectrumRows + 2
    SpectrumView.draw(state, site, on: &canvas, rect: rect)
    rect.row += rect.rows
    drawStorage(state, site, on: &canvas, row: rect.row, columns: columns)
    canvas.rule(column: 0, row: layout.noteRow, columns: layout.size.columns)
  }

  /// Their number, and the shape of their density once it is known.
  private static func weights(_ state: WorkbenchState, _ site: Site, isWide: Bool) -> String {
    let count = "\(Numbers.grouped(site.parameterCount)) weights"
    guard isWide, let shape = state.inspection?.result?.shape else { return count }
    return "\(count) · shape \(Numbers.fixed(shape, 2))"
  }

  /// Rows that do not grow with the screen: names, axes, figures and where the values can go.
  private static let fixedRows = 8

  private static func drawHistograms(
    _ state: WorkbenchState, _ site: Site, on canvas: inout Canvas, rect: Rect
  ) {
    let width = (rect.columns - 5) / 2
    let result = state.inspection?.result
    let treatment = state.document.plan[site.name]
    let right = rect.columns - width - 1
    let stored = NumberFormat.ggml(site.stored).name
    canvas.put("before", .heading, column: 1, row: rect.row)
    canvas.put(stored, .text, column: 9, row: rect.row)
    canvas.put("after", .heading, column: right, row: rect.row)
    canvas.put(
      treatment == .keep ? "as stored" : treatment.name, treatment == .keep ? .dim : .edited,
      column: right + 7, row: rect.row, limit: width - 7)
    guard let result else {
      let problem = state.inspection?.problem
      canvas.putShortened(
        problem ?? "computing…", problem == nil ? .dim : .bad, column: 1, row: rect.row + 1,
        limit: rect.columns - 2)
      return
    }
    let room = Rect(column: 1, row: rect.row + 1, columns: width, rows: rect.rows - 1)
    HistogramView.draw(result.before, role: .dim, on: &canvas, rect: room)
    guard let after = result.after else { return }
    var other = room
    other.column = right
    HistogramView.draw(after, role: .gauge, on: &canvas, rect: other)
  }

  private static func drawErrors(
    _ state: WorkbenchState, _ site: Site, on canvas: inout Canvas, row: Int, columns: Int
  ) {
    let isKnown = state.inspection?.result != nil
    canvas.titledRule(
      "error of the weights", remark: isKnown ? "exact, over all of them" : "", column: 0,
      row: row, columns: columns)
    guard let result = state.inspection?.result else { return }
    guard let distortion = result.distortion, let after = result.after else {
      canvas.put("none: the file's own values", .dim, column: 1, row: row + 1)
      return
    }
    let figures = [
      ("SQNR", "\(Numbers.fixed(distortion.signalToNoiseDecibels, 2)) dB"),
      ("NMSE", Numbers.compact(distortion.normalizedError)),
      ("cosine", Numbers.fixed(distortion.cosine, 6)),
      ("zeros", "\(Numbers.fixed(after.zeroShare * 100, 1)) %"),
    ]
    var column = 1
    for (name, value) in figures
    where column + name.count + Canvas.columns(of: value) + 1 < columns {
      column = canvas.put(name, .dim, column: column, row: row + 1) + 1
      column = canvas.put(value, .value, column: column, row: row + 1) + 3
    }
  }

  private static func drawStorage(
    _ state: WorkbenchState, _ site: Site, on canvas: inout Canvas, row: Int, columns: Int
  ) {
    let treatment = state.document.plan[site.name]
    let bytes = state.byteCount(of: site)
    let effect = state.effect(of: site, under: treatment)
    var column = canvas.put("\(Numbers.grouped(bytes)) B", .value, column: 1, row: row) + 2
    column =
      canvas.put(
        "\(Numbers.fixed(state.bitsPerWeight(of: site), 2)) bits", .text, column: column, row: row)
      + 2
    if treatment != .keep, let effect {
      let isGuess = effect.provenance == .prior
      column =
        canvas.put(
          "KL alone \(isGuess ? "≈" : "")\(Numbers.compact(effect.value))",
          isGuess ? .dim : .text, column: column, row: row) + 2
    }
    drawCodes(state, on: &canvas, column: column, row: row, end: columns - 20)
    let uneven = PlanStructure(of: state.document.plan, sites: state.sites).misfits
      .first { $0.site == site.name }?.reason
    let isOfGraph = site.role.isOfGraph
    let restriction =
      treatment == .keep || isOfGraph ? nil : treatment.ggufRestriction(for: site) ?? uneven
    let problem = treatment.problem(for: site)
    canvas.putShortened(
      problem ?? restriction.map { "exports to safetensors only: \($0)" }
        ?? (isOfGraph ? "exports to ONNX" : "exports to GGUF and safetensors"),
      problem != nil ? .bad : restriction == nil ? .ok : .warn, column: 1, row: row + 1,
      limit: columns - 2)
    if state.isCalibrated(site) {
      canvas.putRight("inputs calibrated", .ok, end: columns - 1, row: row)
    }
  }
}

extension DetailView {
  /// The stored codes' size once entropy-coded, and the accumulator their products need.
  private static func drawCodes(
    _ state: WorkbenchState, on canvas: inout Canvas, column: Int, row: Int, end: Int
  ) {
    guard let figures = state.inspection?.result?.storage else { return }
    var column = column
    var words: [(name: String, value: String)] = []
    if let coded = figures.coded {
      words.append(("coded", "\(Numbers.grouped(coded.codedByteCount)) B"))
    }
    if let bits = figures.accumulatorBits { words.append(("sums", "\(bits) bits")) }
    if let codebook = figures.codebook {
      let used = "\(Numbers.fixed(100 * codebook.usedShare, 1)) %"
      words.append(("codebook used", "\(used), as \(Numbers.fixed(codebook.perplexity, 1)) codes"))
    }
    if words.isEmpty { words.append(("no codes to code", "")) }
    for (name, value) in words
    where column + name.count + Canvas.columns(of: value) + 1 < end {
      column = canvas.put(name, .dim, column: column, row: row) + 1
      column = canvas.put(value, .text, column: column, row: row) + 2
    }
  }
}

/// Columns of blocks over the range of a weight's values.
enum HistogramView {
  static func draw(
    _ histogram: WeightHistogram, role: StyleRole, on canvas: inout Canvas, rect: Rect
  ) {
    let rows = rect.rows - 1
    let densities = densities(histogram, columns: rect.columns)
    let largest = max(densities.max() ?? 0, .leastNonzeroMagnitude)
    for (offset, density) in densities.enumerated() {
      var eighths = Int((density / largest * Double(rows * 8)).rounded())
      if density > 0 { eighths = max(eighths, 1) }
      for row in 0..<rows where eighths > row * 8 {
        let level = min(eighths - row * 8, 8) - 1
        canvas.put(
          String(Character(Bars.heights[level])), role, column: rect.column + offset,
          row: rect.row + rows - 1 - row)
      }
    }
    drawAxis(histogram, on: &canvas, rect: rect)
  }

  private static func drawAxis(
    _ histogram: WeightHistogram, on canvas: inout Canvas, rect: Rect
  ) {
    let row = rect.row + rect.rows - 1
    let limit = Numbers.compact(histogram.limit)
    canvas.put("−\(limit)", .dim, column: rect.column, row: row)
    canvas.putRight("+\(limit)", .dim, end: rect.column + rect.columns, row: row)
    var middle = "0"
    if histogram.zeroCount > 0 {
      middle += " (\(Numbers.percent(histogram.zeroShare)))"
    }
    canvas.put(
      middle, .dim, column: rect.column + rect.columns / 2, row: row,
      limit: rect.columns / 2 - limit.count - 2)
  }

  /// Values a bin for each column, by the bins whose middle it covers.
  private static func densities(_ histogram: WeightHistogram, columns: Int) -> [Double] {
    let count = histogram.bins.count
    guard count > 0, columns > 0 else { return [] }
    return (0..<columns).map { column in
      let first = column * count / columns
      let end = max((column + 1) * count / columns, first + 1)
      return Double(histogram.bins[first..<end].reduce(0, +)) / Double(end - first)
    }
  }
}

/// A weight's singular values with the chosen rank and where factors stop saving.
enum SpectrumView {
  /// The smallest share of the largest value that shows.
  private static let floor = 1e-3

  static func draw(
    _ state: WorkbenchState, _ site: Site, on canvas: inout Canvas, rect: Rect
  ) {
    let full = min(site.rows, site.columns)
    let rank = state.document.plan[site.name].lowRank?.rank
    let spectrum = state.inspection?.result?.spectrum
    canvas.titledRule(
      "singular values",
      remark: remark(spectrum, rank: rank, full: full, columns: rect.columns - 20), column: 0,
      row: rect.row, columns: rect.columns)
    let width = rect.columns - 2
    let markRow = rect.row + rect.rows - 1
    if let spectrum {
      drawValues(
        spectrum, share: rank.map { Double($0) / Double(full) } ?? 1, on: &canvas,
        rect: Rect(column: 1, row: rect.row + 1, columns: width, rows: rect.rows - 2))
    } else if state.inspection?.problem == nil {
      canvas.put("computing…", .dim, column: 1, row: rect.row + 1)
    }
    drawMarks(
      rank: rank, breakEven: LowRank.breakEven(rows: site.rows, columns: site.columns),
      full: full, on: &canvas, rect: Rect(column: 1, row: markRow, columns: width, rows: 1))
  }

  /// Marks the chosen rank and the one from which factors stop saving, each with its words on the
  /// side away from the other.
  private static func drawMarks(
    rank: Int?, breakEven: Int, full: Int, on canvas: inout Canvas, rect: Rect
  ) {
    func column(of rank: Int) -> Int {
      rect.column + min(rank * rect.columns / max(full, 1), rect.columns - 1)
    }
    let even = (mark: "╎", words: "break-even \(breakEven)", role: StyleRole.dim)
    let isLeft = rank.map { $0 > breakEven } ?? (column(of: breakEven) > rect.columns * 3 / 4)
    put(even, isLeft: isLeft, column(of: breakEven), rect, on: &canvas)
    guard let rank else { return }
    let chosen = (mark: "┃", words: "rank \(rank)", role: StyleRole.edited)
    put(chosen, isLeft: !isLeft, column(of: rank), rect, on: &canvas)
  }

  private static func put(
    _ label: (mark: String, words: String, role: StyleRole), isLeft: Bool, _ column: Int,
    _ rect: Rect, on canvas: inout Canvas
  ) {
    canvas.put(label.mark, label.role, column: column, row: rect.row)
    let width = Canvas.columns(of: label.words)
    let start = isLeft ? column - 1 - width : column + 2
    guard start >= rect.column, start + width <= rect.column + rect.columns else { return }
    canvas.put(label.words, label.role, column: start, row: rect.row)
  }

  private static func remark(
    _ spectrum: WeightSpectrum?, rank: Int?, full: Int, columns: Int
  ) -> String {
    guard let spectrum else { return "of \(full)" }
    var parts: [String] = []
    if let rank {
      let energy = spectrum.energy(ofFirst: Double(rank) / Double(full))
      parts.append("rank \(rank) of \(full) holds \(Numbers.fixed(energy * 100, 1)) %")
    } else {
      parts.append("full rank \(full)")
    }
    if parts[0].count + 16 < columns {
      parts.append("effective \(spectrum.effectiveRank(of: full))")
    }
    if spectrum.isSampled { parts.append("sampled \(spectrum.rows)×\(spectrum.columns)") }
    return parts.joined(separator: " · ")
  }

  private static func drawValues(
    _ spectrum: WeightSpectrum, share: Double, on canvas: inout Canvas, rect: Rect
  ) {
    guard let largest = spectrum.values.first, largest > 0, rect.rows > 0 else { return }
    let count = spectrum.values.count
    for offset in 0..<rect.columns {
      let index = offset * count / rect.columns
      let value = Double(spectrum.values[index]) / Double(largest)
      let height =
        value > floor ? 1 - Bars.logarithm(value) / Bars.logarithm(floor) : 0
      let eighths = max(Int((height * Double(rect.rows * 8)).rounded()), 1)
      let isKept = Double(index) < share * Double(count)
      for row in 0..<rect.rows where eighths > row * 8 {
        let level = min(eighths - row * 8, 8) - 1
        canvas.put(
          String(Character(Bars.heights[level])), isKept ? .gauge : .track,
          column: rect.column + offset, row: rect.row + rect.rows - 1 - row)
      }
    }
  }
}
