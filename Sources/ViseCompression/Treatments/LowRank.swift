/// A weight replaced by the product of two thin ones.
public struct LowRank: Hashable, Sendable {
  /// Columns of the left factor and rows of the right one.
  public let rank: Int
  /// `nil` chooses by whether there is calibration.
  public let method: FactorizationMethod?

  public init(rank: Int, method: FactorizationMethod? = nil) {
    self.rank = rank
    self.method = method
  }

  /// The rank from which two factors hold more numbers than the weight: r < mn / (m + n) saves.
  public static func breakEven(rows: Int, columns: Int) -> Int {
    rows * columns / max(1, rows + columns)
  }
}
