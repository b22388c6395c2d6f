/// How many colours a terminal shows.
public enum ColorLevel: String, CaseIterable, Hashable, Sendable {
  case mono, eight = "8", sixteen = "16", full = "256"

  /// The level of a terminal with this many colours.
  public init(terminalColors: Int) {
    self =
      terminalColors >= 256
      ? .full
      : terminalColors >= 16
        ? .sixteen
        : terminalColors >= 8 ? .eight : .mono
  }
}

/// A theme's colour, before it meets a terminal.
public enum ThemeColor: Hashable, Sendable {
  /// One of the terminal's own 16 colours.
  case ansi(UInt8)
  case rgb(red: UInt8, green: UInt8, blue: UInt8)

  /// An ANSI name such as `bright-blue`, or `#rrggbb`.
  public init?(_ text: String) {
    if let index = Self.ansiNames.firstIndex(of: text.lowercased()) {
      self = .ansi(UInt8(index))
      return
    }
    guard text.utf8.count == 7, text.first == "#", let value = UInt32(text.dropFirst(), radix: 16)
    else { return nil }
    self = .rgb(
      red: UInt8(value >> 16 & 255), green: UInt8(value >> 8 & 255), blue: UInt8(value & 255))
  }

  private static let ansiNames = [
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "bright-black",
    "bright-red", "bright-green", "bright-yellow", "bright-blue", "bright-magenta",
    "bright-cyan", "bright-white",
  ]

  /// The terminal's colour number at `level`, or `nil` for its default.
  public func index(at level: ColorLevel) -> Int? {
    switch (self, level) {
    case (_, .mono): nil
    case (.ansi(let index), .eight): Int(index & 7)
    case (.ansi(let index), _): Int(index)
    case (.rgb(let red, let green, let blue), .full): Self.nearest256(red, green, blue)
    case (.rgb(let red, let green, let blue), .sixteen): Self.nearestAnsi(red, green, blue, of: 16)
    case (.rgb(let red, let green, let blue), .eight): Self.nearestAnsi(red, green, blue, of: 8)
    }
  }

  /// The nearest of the 6×6×6 cube and the 24 greys; the first 16 are the user's to define.
  private static func nearest256(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Int {
    let steps = [0, 95, 135, 175, 215, 255]
    func step(_ value: UInt8) -> Int {
      steps.indices.min { abs(steps[$0] - Int(value)) < abs(steps[$1] - Int(value)) } ?? 0
    }
    let (r, g, b) = (step(red), step(green), step(blue))
    let average = (Int(red) + Int(green) + Int(blue)) / 3
    let gray = min(max((average - 3) / 10, 0), 23)
    let cube = distance(red, green, blue, steps[r], steps[g], steps[b])
    let ramp = distance(red, green, blue, 8 + gray * 10, 8 + gray * 10, 8 + gray * 10)
    return ramp < cube ? 232 + gray : 16 + 36 * r + 6 * g + b
  }

  /// By hue where there is one, so that a soft red stays red and does not become grey.
  private static func nearestAnsi(
    _ red: UInt8, _ green: UInt8, _ blue: UInt8, of count: Int
  ) -> Int {
    let (high, low) = (max(red, green, blue), min(red, green, blue))
    if high - low < 40 {
      if count == 8 { return high > 96 ? 7 : 0 }
      return high > 200 ? 15 : high > 140 ? 7 : high > 64 ? 8 : 0
    }
    let middle = (UInt16(high) + UInt16(low)) / 2
    let bits =
      (UInt16(red) > middle ? 1 : 0) | (UInt16(green) > middle ? 2 : 0)
      | (UInt16(blue) > middle ? 4 : 0)
    return count == 16 && high > 190 ? bits + 8 : bits
  }

  private static func distance(
    _ red: UInt8, _ green: UInt8, _ blue: UInt8, _ r: Int, _ g: Int, _ b: Int
  ) -> Int {
    let (dr, dg, db) = (Int(red) - r, Int(green) - g, Int(blue) - b)
    return dr * dr + dg * dg + db * db
  }
}
