/// Bars, gauges and strips out of block characters.
enum Bars {
  static let heights: [Unicode.Scalar] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let eighths: [Unicode.Scalar] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  /// Divergence a strip shows as empty, and as full, in nats; the same for all layers.
  static let stripFloor = 1e-5
  static let stripCeiling = 1.0

  /// The height 0…7 of a strip's cell for a divergence, on the shared logarithmic scale.
  static func stripLevel(_ nats: Double) -> Int {
    min(Int(stripShare(nats) * 8), 7)
  }

  /// A divergence's place 0…1 on the scale of the strips.
  static func stripShare(_ nats: Double) -> Double {
    guard nats > stripFloor else { return 0 }
    let share = logarithm(nats / stripFloor) / logarithm(stripCeiling / stripFloor)
    return min(max(share, 0), 1)
  }

  /// A bar of `share` in 0…1: filled part and track, together `columns` wide.
  static func bar(_ share: Double, columns: Int) -> (filled: String, track: String) {
    let clamped = share.isFinite ? min(max(share, 0), 1) : 0
    let steps = Int((clamped * Double(columns * 8)).rounded())
    var filled = String.UnicodeScalarView()
    for _ in 0..<steps / 8 { filled.append("█") }
    if steps % 8 > 0 { filled.append(eighths[steps % 8 - 1]) }
    let rest = max(columns - filled.count, 0)
    return (String(filled), String(repeating: "░", count: rest))
  }

  /// One cell of an interval gauge.
  struct GaugeCell: Equatable {
    let scalar: Unicode.Scalar
    let role: StyleRole
  }

  /// A track with an interval on it.
  ///
  /// Positions are shares in 0…1 of the width.
  static func gauge(
    value: Double, lower: Double?, upper: Double?, ticks: [Double], columns: Int
  ) -> [GaugeCell] {
    guard columns > 0 else { return [] }
    func column(_ share: Double) -> Int {
      let clamped = share.isFinite ? min(max(share, 0), 1) : 1
      return min(Int(clamped * Double(columns)), columns - 1)
    }
    var cells = Array(repeating: GaugeCell(scalar: "·", role: .track), count: columns)
    for tick in ticks { cells[column(tick)] = GaugeCell(scalar: "╎", role: .track) }
    if let lower, let upper {
      let (from, to) = (column(lower), column(upper))
      for index in min(from, to)...max(from, to) {
        cells[index] = GaugeCell(scalar: "━", role: .interval)
      }
      cells[from] = GaugeCell(scalar: "┣", role: .interval)
      cells[to] = GaugeCell(scalar: "┫", role: .interval)
    }
    cells[column(value)] = GaugeCell(scalar: "●", role: .interval)
    return cells
  }

  /// The decimal logarithm, from the exponent and a series: exact enough to place a mark.
  static func logarithm(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return value > 0 ? 308 : -308 }
    let exponent = Double(value.exponent)
    // ln m for m in 1..<2 by atanh: 2 (z + z³/3 + z⁵/5 …) with z = (m−1)/(m+1) ≤ 1/3.
    let z = (value.significand - 1) / (value.significand + 1)
    var term = z
    var sum = 0.0
    for odd in stride(from: 1.0, through: 15.0, by: 2) {
      sum += term / odd
      term *= z * z
    }
    return (2 * sum + exponent * 0.693_147_180_559_945_3) / 2.302_585_092_994_045_7
  }
}
