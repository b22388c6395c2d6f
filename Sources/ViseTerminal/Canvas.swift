/// Draws into a buffer with one glyph set; everything outside is clipped.
struct Canvas {
  private(set) var buffer: CellBuffer
  let glyphs: GlyphSet
  private(set) var hits: [HitArea] = []
  /// Where the text cursor is shown.
  var cursor: (column: Int, row: Int)?

  init(size: ScreenSize, glyphs: GlyphSet) {
    buffer = CellBuffer(size: size)
    self.glyphs = glyphs
  }

  var size: ScreenSize { buffer.size }

  /// Writes `text` and returns the column after it, at most `limit` columns on.
  ///
  /// What could move the cursor or take no column becomes `?`, so text from files is safe here.
  @discardableResult
  mutating func put(
    _ text: some StringProtocol, _ role: StyleRole = .text, column: Int, row: Int,
    limit: Int = .max
  ) -> Int {
    var at = column
    let end = limit == .max ? size.columns : min(column + max(limit, 0), size.columns)
    for scalar in text.unicodeScalars {
      let twin = glyphs.twin(of: scalar)
      let width = ScalarWidth.columns(of: twin)
      guard at + (width ?? 1) <= end else { break }
      buffer.set(
        Cell(width == nil ? "?" : twin, role, width: UInt8(width ?? 1)), column: at, row: row)
      at += width ?? 1
    }
    return at
  }

  /// Writes `text` so that it ends before `end`.
  mutating func putRight(_ text: String, _ role: StyleRole = .text, end: Int, row: Int) {
    put(text, role, column: end - Canvas.columns(of: text), row: row)
  }

  /// Writes `text`, shortened in its middle where it is wider than `limit`.
  mutating func putShortened(
    _ text: String, _ role: StyleRole, column: Int, row: Int, limit: Int
  ) {
    guard limit > 0 else { return }
    if Canvas.columns(of: text) <= limit {
      put(text, role, column: column, row: row, limit: limit)
      return
    }
    let scalars = Array(text.unicodeScalars.prefix(4096))
    let tail = limit / 2
    let head = limit - tail - 1
    let start = String(String.UnicodeScalarView(scalars.prefix(head)))
    let end = Canvas.suffix(of: text, columns: tail)
    let at = put(start, role, column: column, row: row, limit: head)
    put("…" + end, role, column: at, row: row, limit: column + limit - at)
  }

  /// Writes `text` over as many of `rows` as it takes, broken at spaces where there are any.
  mutating func putWrapped(
    _ text: String, _ role: StyleRole, column: Int, rows: Range<Int>, limit: Int
  ) {
    guard limit > 0 else { return }
    var left = text.unicodeScalars.prefix(4096)
    for row in rows where !left.isEmpty {
      var used = 0
      let fitting = left.prefix { scalar in
        used += ScalarWidth.columns(of: scalar) ?? 1
        return used <= limit
      }
      var line = fitting.isEmpty ? left.prefix(1) : fitting
      if line.endIndex < left.endIndex, let space = line.lastIndex(of: " ") {
        line = left[..<left.index(after: space)]
      }
      put(String(line), role, column: column, row: row, limit: limit)
      left = left[line.endIndex...]
    }
  }

  /// A horizontal rule over the rectangle's width.
  mutating func rule(column: Int, row: Int, columns: Int) {
    for offset in 0..<max(columns, 0) { put("─", .rule, column: column + offset, row: row) }
  }

  /// A rule with a title at its left and a remark at its right.
  mutating func titledRule(
    _ title: String, remark: String = "", column: Int, row: Int, columns: Int
  ) {
    rule(column: column, row: row, columns: columns)
    guard columns > 6 else { return }
    putShortened(" \(title) ", .title, column: column + 1, row: row, limit: columns - 2)
    let width = Canvas.columns(of: remark) + 2
    if !remark.isEmpty, width + Canvas.columns(of: title) + 5 <= columns {
      put(" \(remark) ", .dim, column: column + columns - width - 1, row: row)
    }
  }

  mutating func verticalRule(column: Int, rows: Range<Int>) {
    for row in rows { put("│", .rule, column: column, row: row) }
  }

  mutating func clear(_ rect: Rect) {
    for row in rect.row..<rect.row + rect.rows {
      for column in rect.column..<rect.column + rect.columns {
        buffer.set(.blank, column: column, row: row)
      }
    }
  }

  /// Says what a click in `rect` means.
  ///
  /// Later areas lie over earlier ones.
  mutating func addHit(_ rect: Rect, _ target: HitTarget) {
    hits.append(HitArea(rect: rect, target: target))
  }

  /// Forgets what can be clicked so far, and where the cursor would be: something lies over it.
  mutating func dropHits() {
    hits = []
    cursor = nil
  }

  /// Columns `text` takes when put.
  static func columns(of text: some StringProtocol) -> Int {
    text.unicodeScalars.reduce(0) { $0 + (ScalarWidth.columns(of: $1) ?? 1) }
  }

  private static func suffix(of text: String, columns: Int) -> String {
    var left = columns
    var kept: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars.reversed() {
      let width = ScalarWidth.columns(of: scalar) ?? 1
      guard width <= left else { break }
      left -= width
      kept.append(scalar)
    }
    return String(String.UnicodeScalarView(kept.reversed()))
  }
}
