import ViseTensor

/// How many singular values are kept.
public enum RankRule: Hashable, Sendable {
  case fixed(Int)
  /// The fewest whose squares add up to this share of all squares.
  case energy(Double)
  /// Up to the bend of the falling curve.
  case elbow
  /// exp(−Σ p ln p) of the values' shares p, rounded up (Roy and Vetterli, EUSIPCO 2007).
  case effectiveRank
  /// As many as make the two factors hold this share of the weight's numbers.
  case parameterShare(Double)

  /// The rank for singular values in descending order of a `rows` × `columns` weight.
  ///
  /// From 1 to their number. A rank of `LowRank.breakEven(rows:columns:)` or more saves nothing;
  /// whether to factorize at all is the caller's decision.
  public func rank(of values: [Float], rows: Int, columns: Int) -> Int {
    let rank =
      switch self {
      case .fixed(let rank): rank
      case .energy(let share): Self.rank(of: values, holding: share)
      case .elbow: Self.elbow(of: values)
      case .effectiveRank: Int(LinearAlgebra.effectiveRank(values).rounded(.up))
      case .parameterShare(let share):
        Int(max(0, share) * Double(rows) * Double(columns) / Double(max(1, rows + columns)))
      }
    return min(max(rank, 1), max(values.count, 1))
  }

  private static func rank(of values: [Float], holding share: Double) -> Int {
    let squares = values.map { Double($0) * Double($0) }
    let wanted = share * squares.reduce(0, +)
    var sum = 0.0
    for (index, square) in squares.enumerated() {
      sum += square
      if sum >= wanted { return index + 1 }
    }
    return values.count
  }

  /// The values before the point that lies farthest below the line from the first to the last.
  ///
  /// Satopää et al., "Finding a 'kneedle' in a haystack" (2011), without the smoothing.
  private static func elbow(of values: [Float]) -> Int {
    guard let first = values.first, let last = values.last, first > last else {
      return values.count
    }
    let span = Double(first - last)
    let steps = Double(values.count - 1)
    let depths = values.enumerated().map { index, value in
      1 - Double(index) / steps - Double(value - last) / span
    }
    return depths.indices.max { depths[$0] < depths[$1] } ?? values.count
  }
}
