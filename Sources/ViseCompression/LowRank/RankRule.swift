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

  /// `64`, `energy:0.95`, `elbow`, `erank` or `share:0.5`.
  public var name: String {
    switch self {
    case .fixed(let rank): "\(rank)"
    case .energy(let share): "energy:\(share)"
    case .elbow: "elbow"
    case .effectiveRank: "erank"
    case .parameterShare(let share): "share:\(share)"
    }
  }

  /// Shares are above 0, below 1 for energies, and may be written as percentages.
  public init?(name: String) {
    let parts = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    switch (parts.first, parts.count) {
    case ("elbow", 1): self = .elbow
    case ("erank", 1): self = .effectiveRank
    case ("energy", 2):
      guard let share = Self.share(parts[1]), share < 1 else { return nil }
      self = .energy(share)
    case ("share", 2):
      guard let share = Self.share(parts[1]) else { return nil }
      self = .parameterShare(share)
    default:
      guard let rank = Int(name), rank > 0 else { return nil }
      self = .fixed(rank)
    }
  }

  private static func share(_ text: Substring) -> Double? {
    let number = text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    return number.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
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

extension Treatment {
  /// The same with factors of at least `rank` directions, as few more as the format's blocks ask for.
  ///
  /// - Throws: `RankFault` where factors of that rank hold no fewer numbers than the weight, or where
  ///   the site cannot be treated so.
  public func factorized(atLeast rank: Int, for site: Site) throws(RankFault) -> Treatment {
    let breakEven = LowRank.breakEven(rows: site.rows, columns: site.columns)
    guard rank < breakEven else { throw .savesNothing(rank: rank, breakEven: breakEven) }
    var treatment = self
    for candidate in rank..<breakEven {
      treatment.lowRank = LowRank(rank: candidate, method: lowRank?.method)
      if treatment.problem(for: site) == nil { return treatment }
    }
    treatment.lowRank = LowRank(rank: rank, method: lowRank?.method)
    throw .unsuitable(treatment.problem(for: site) ?? "no rank fits")
  }
}

/// A reason a rank that was found cannot be used.
public enum RankFault: Error, Hashable, Sendable {
  case savesNothing(rank: Int, breakEven: Int)
  case unsuitable(String)

  /// As people read it.
  public var reason: String {
    switch self {
    case .savesNothing(let rank, let breakEven):
      "rank \(rank) would save nothing; break-even is \(breakEven)"
    case .unsuitable(let reason): reason
    }
  }
}
