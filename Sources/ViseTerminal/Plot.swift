/// Points and step lines in a rectangle of cells: braille dots, two across and four down a cell.
///
/// ASCII has one dot a cell. What is drawn later lies over what was there.
struct Plot {
  private struct DotCell {
    var bits: UInt32 = 0
    var role = StyleRole.dim
  }

  let rect: Rect
  private let isBraille: Bool
  private var cells: [DotCell]
  private let across: Int
  private let down: Int

  /// The bit of each dot of a braille cell, by column and row (Unicode 3.0, block U+2800).
  private static let bits: [[UInt32]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]

  init(rect: Rect, glyphs: GlyphSet) {
    self.rect = rect
    isBraille = glyphs == .unicode
    across = isBraille ? 2 : 1
    down = isBraille ? 4 : 1
    cells = Array(repeating: DotCell(), count: max(rect.columns * rect.rows, 0))
  }

  private var dotColumns: Int { rect.columns * across }
  private var dotRows: Int { rect.rows * down }

  /// The dot of a point in 0…1 × 0…1, with 0 at the left and at the bottom.
  private func dot(_ x: Double, _ y: Double) -> (column: Int, row: Int)? {
    guard x.isFinite, y.isFinite, (0...1).contains(x), (0...1).contains(y), !cells.isEmpty else {
      return nil
    }
    return (
      min(Int(x * Double(dotColumns)), dotColumns - 1),
      dotRows - 1 - min(Int(y * Double(dotRows)), dotRows - 1)
    )
  }

  mutating func point(x: Double, y: Double, _ role: StyleRole) {
    guard let dot = dot(x, y) else { return }
    set(dot.column, dot.row, role)
  }

  /// A line through points by rising x that holds each value up to the next point.
  mutating func steps(_ points: [(x: Double, y: Double)], until end: Double, _ role: StyleRole) {
    for (index, point) in points.enumerated() {
      let next = index + 1 < points.count ? points[index + 1] : (x: end, y: point.y)
      guard let from = dot(point.x, point.y), let to = dot(min(next.x, 1), next.y) else { continue }
      for column in from.column...max(from.column, to.column) { set(column, from.row, role) }
      for row in min(from.row, to.row)...max(from.row, to.row) {
        set(max(from.column, to.column), row, role)
      }
    }
  }

  private mutating func set(_ column: Int, _ row: Int, _ role: StyleRole) {
    let index = row / down * rect.columns + column / across
    cells[index].bits |= isBraille ? Self.bits[column % 2][row % 4] : 1
    cells[index].role = role
  }

  /// The cell of a point, for a mark over the plot.
  func cell(x: Double, y: Double) -> (column: Int, row: Int)? {
    dot(x, y).map { (rect.column + $0.column / across, rect.row + $0.row / down) }
  }

  func draw(on canvas: inout Canvas) {
    for row in 0..<rect.rows {
      for column in 0..<rect.columns {
        let cell = cells[row * rect.columns + column]
        guard cell.bits != 0, let braille = Unicode.Scalar(0x2800 + cell.bits) else { continue }
        canvas.put(
          isBraille ? String(Character(braille)) : "*", cell.role, column: rect.column + column,
          row: rect.row + row)
      }
    }
  }
}

/// An axis from a value to another, linear or logarithmic.
struct PlotAxis {
  let range: ClosedRange<Double>
  let isLogarithmic: Bool

  /// Holds all `values` with a little room; `nil` where there are none.
  init?(_ values: [Double], isLogarithmic: Bool) {
    let usable = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    guard let low = usable.min(), let high = usable.max() else { return nil }
    self.isLogarithmic = isLogarithmic
    if isLogarithmic {
      range = low / 1.15...max(high, low) * 1.15
    } else {
      let room = max((high - low) * 0.04, abs(high) * 0.01, .leastNormalMagnitude)
      range = low - room...high + room
    }
  }

  /// A value's place, 0…1.
  func position(_ value: Double) -> Double {
    guard isLogarithmic else {
      return (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    }
    guard value > 0 else { return -1 }
    return Bars.logarithm(value / range.lowerBound)
      / Bars.logarithm(range.upperBound / range.lowerBound)
  }

  /// The value at a place 0…1.
  func value(at position: Double) -> Double {
    guard isLogarithmic else {
      return range.lowerBound + position * (range.upperBound - range.lowerBound)
    }
    // Bisection: the mathematics of this target has no exponential.
    var (low, high) = (range.lowerBound, range.upperBound)
    for _ in 0..<50 {
      let middle = (low * high).squareRoot()
      if self.position(middle) < position { low = middle } else { high = middle }
    }
    return (low * high).squareRoot()
  }
}
