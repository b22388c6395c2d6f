/// A terminal that understands what curses sends, for reading frames back.
struct ScreenEmulator {
  struct Glyph: Equatable {
    var scalar: Unicode.Scalar = " "
    /// Foreground colour number, or -1.
    var color = -1
  }

  let columns: Int
  let rows: Int
  private(set) var cells: [[Glyph]]
  private var (row, column) = (0, 0)
  private var color = -1
  /// What the terminal was asked to remember and to go back to.
  private var saved = (row: 0, column: 0, color: -1)
  private var scrollTop = 0
  private var scrollBottom: Int
  /// The start of a sequence or character whose end has not been read yet.
  private var pending: [UInt8] = []
  private var wrapsNext = false
  private var last: Unicode.Scalar = " "
  /// Sequences it does not know; a test expects none.
  private(set) var unknown: [String] = []

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    cells = Array(repeating: Array(repeating: Glyph(), count: columns), count: rows)
    scrollBottom = rows - 1
  }

  /// The text of a row without the blanks at its end.
  func text(ofRow row: Int) -> String {
    var view = String.UnicodeScalarView(cells[row].map(\.scalar))
    while view.last == " " { view.removeLast() }
    return String(view)
  }

  /// Plays what was written; what a read cut in two waits for its other half.
  mutating func play(_ bytes: [UInt8]) {
    pending += bytes
    let whole = pending.prefix(Self.completeCount(pending))
    pending.removeFirst(whole.count)
    let scalars = Array(String(decoding: whole, as: UTF8.self).unicodeScalars)
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      if scalar == "\u{1B}" {
        index = escape(scalars, index)
      } else if scalar.value < 0x20 {
        control(scalar)
      } else {
        put(scalar)
      }
    }
  }

  /// How many bytes end with a whole escape sequence and a whole character.
  private static func completeCount(_ bytes: [UInt8]) -> Int {
    if let start = bytes.lastIndex(of: 0x1B), !isWholeEscape(bytes[start...]) { return start }
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? bytes.count - back : bytes.count
    }
    return bytes.count
  }

  /// Whether `bytes`, which begin with ESC, hold all of the sequence.
  private static func isWholeEscape(_ bytes: ArraySlice<UInt8>) -> Bool {
    let rest = bytes.dropFirst()
    switch rest.first {
    case nil: return false
    case UInt8(ascii: "["): return rest.dropFirst().contains { 0x40...0x7E ~= $0 }
    case UInt8(ascii: "]"): return rest.contains(0x07)
    case UInt8(ascii: "("), UInt8(ascii: ")"): return rest.count > 1
    default: return true
    }
  }

  private mutating func control(_ scalar: Unicode.Scalar) {
    wrapsNext = false
    switch scalar {
    case "\r": column = 0
    case "\n": lineFeed()
    case "\u{8}": column = max(column - 1, 0)
    case "\t": column = min((column / 8 + 1) * 8, columns - 1)
    case "\0", "\u{F}", "\u{E}", "\u{7}": break
    default: unknown.append("control \(scalar.value)")
    }
  }

  private mutating func put(_ scalar: Unicode.Scalar) {
    if wrapsNext {
      column = 0
      lineFeed()
      wrapsNext = false
    }
    cells[row][column] = Glyph(scalar: scalar, color: color)
    last = scalar
    if column == columns - 1 { wrapsNext = true } else { column += 1 }
  }

  private mutating func lineFeed() {
    if row == scrollBottom { scroll(from: scrollTop, by: 1) } else if row < rows - 1 { row += 1 }
  }

  /// Moves lines up (positive) or down within the scroll region, from `top` on.
  private mutating func scroll(from top: Int, by count: Int) {
    let blank = Array(repeating: Glyph(), count: columns)
    for _ in 0..<min(abs(count), rows) {
      if count > 0 {
        cells.remove(at: top)
        cells.insert(blank, at: scrollBottom)
      } else {
        cells.remove(at: scrollBottom)
        cells.insert(blank, at: top)
      }
    }
  }

  private mutating func escape(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
    guard start < scalars.count else { return start }
    switch scalars[start] {
    case "[": return controlSequence(scalars, start + 1)
    case "(", ")": return start + 2
    case "=", ">": return start + 1
    case "7":
      saved = (row, column, color)
      return start + 1
    case "8":
      (row, column, color) = saved
      wrapsNext = false
      return start + 1
    case "M":
      if row == scrollTop { scroll(from: scrollTop, by: -1) } else { row = max(row - 1, 0) }
      return start + 1
    case "D":
      lineFeed()
      return start + 1
    default:
      unknown.append("escape \(scalars[start])")
      return start + 1
    }
  }

  private mutating func controlSequence(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
    var index = start
    while index < scalars.count, (0x20..<0x40).contains(scalars[index].value) { index += 1 }
    guard index < scalars.count else { return index }
    let body = String(String.UnicodeScalarView(scalars[start..<index]))
    if !body.hasPrefix("?"), !body.hasPrefix(">") {
      let numbers = body.split(separator: ";", omittingEmptySubsequences: false).map { Int($0) }
      run(scalars[index], numbers)
    }
    return index + 1
  }

  private mutating func run(_ final: Unicode.Scalar, _ numbers: [Int?]) {
    let first = numbers.first.flatMap { $0 }
    let count = max(first ?? 1, 1)
    if final != "m" { wrapsNext = false }
    switch final {
    case "H", "f":
      row = min(max((first ?? 1) - 1, 0), rows - 1)
      column = min(max(((numbers.count > 1 ? numbers[1] : nil) ?? 1) - 1, 0), columns - 1)
    case "A": row = max(row - count, 0)
    case "B": row = min(row + count, rows - 1)
    case "C": column = min(column + count, columns - 1)
    case "D": column = max(column - count, 0)
    case "G", "`": column = min(count - 1, columns - 1)
    case "d": row = min(count - 1, rows - 1)
    case "J": eraseDisplay(first ?? 0)
    case "K": eraseLine(first ?? 0)
    case "X": for at in column..<min(column + count, columns) { cells[row][at] = Glyph() }
    case "P": shift(removing: count)
    case "@": shift(inserting: count)
    case "L": scroll(from: row, by: -count)
    case "M": scroll(from: row, by: count)
    case "S": scroll(from: scrollTop, by: count)
    case "T": scroll(from: scrollTop, by: -count)
    case "b": for _ in 0..<count { put(last) }
    case "r":
      scrollTop = (first ?? 1) - 1
      scrollBottom = ((numbers.count > 1 ? numbers[1] : nil) ?? rows) - 1
      (row, column) = (0, 0)
    case "m": style(numbers)
    case "l", "h", "n", "c", "t": break
    default: unknown.append("sequence \(numbers) \(final)")
    }
  }

  private mutating func eraseDisplay(_ part: Int) {
    let blank = Array(repeating: Glyph(), count: columns)
    if part != 1 {
      eraseLine(0)
      for below in (row + 1)..<max(rows, row + 1) { cells[below] = blank }
    }
    if part != 0 {
      eraseLine(1)
      for above in 0..<row { cells[above] = blank }
    }
  }

  private mutating func eraseLine(_ part: Int) {
    let range = part == 0 ? column..<columns : part == 1 ? 0..<column + 1 : 0..<columns
    for at in range { cells[row][at] = Glyph() }
  }

  private mutating func shift(removing count: Int) {
    let removed = min(count, columns - column)
    cells[row].removeSubrange(column..<column + removed)
    cells[row] += Array(repeating: Glyph(), count: removed)
  }

  private mutating func shift(inserting count: Int) {
    let inserted = min(count, columns - column)
    cells[row].insert(contentsOf: Array(repeating: Glyph(), count: inserted), at: column)
    cells[row].removeLast(inserted)
  }

  private mutating func style(_ numbers: [Int?]) {
    var index = 0
    while index < numbers.count {
      let number = numbers[index] ?? 0
      switch number {
      case 0, 39: color = -1
      case 30...37: color = number - 30
      case 90...97: color = number - 82
      case 38:
        color = index + 2 < numbers.count ? numbers[index + 2] ?? -1 : -1
        index += 2
      case 48: index += 2
      default: break
      }
      index += 1
    }
  }
}
