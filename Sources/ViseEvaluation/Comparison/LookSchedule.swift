/// When a comparison looks at its figures and may stop, planned before anything is measured.
///
/// Each look has its own share of the error, and the shares add up to it (Bonferroni), so the chance
/// that any look misleads is bounded whatever the figures do in between. The last look, at all of
/// the text, keeps most of the error: a comparison that runs to the end loses little.
public struct LookSchedule: Hashable, Sendable {
  /// A number of windows, and the probability with which its interval holds the true value.
  public struct Look: Hashable, Sendable {
    public let windows: Int
    public let level: Double
  }

  public let looks: [Look]
  /// The probability that all intervals hold at once.
  public let level: Double

  /// Fewer windows say too little of their spread.
  private static let fewestWindows = 8
  private static let mostLooks = 5
  /// What looks before the last have of the error together.
  private static let earlyShare = 0.4

  /// Looks at all of `total` windows, half of them, a quarter and so on.
  ///
  /// - Parameter isEarly: false looks only once, at the end.
  public init(total: Int, level: Double = 0.95, isEarly: Bool = true) {
    precondition(total > 0 && level > 0 && level < 1)
    var counts = [total]
    while isEarly, counts.count < Self.mostLooks, let last = counts.last,
      last / 2 >= Self.fewestWindows
    {
      counts.append(last / 2)
    }
    counts.reverse()
    let error = 1 - level
    let early = counts.count > 1 ? error * Self.earlyShare / Double(counts.count - 1) : 0
    let last = counts.count > 1 ? error * (1 - Self.earlyShare) : error
    looks = counts.enumerated().map { index, windows in
      Look(windows: windows, level: 1 - (index == counts.count - 1 ? last : early))
    }
    self.level = level
  }
}
