/// A plan as the frontier sees it: what it costs, and the range its loss lies in.
public struct FrontierPoint: Hashable, Sendable {
  /// Position in the caller's list of plans.
  public let index: Int
  /// What less is better of and is known exactly, such as bytes and seconds.
  public let costs: [Double]
  /// Mean KL in nats, or another loss.
  public let loss: Double
  /// The ends of the loss's interval; equal to it where none is known.
  public let lower: Double
  public let upper: Double

  public init(index: Int, costs: [Double], loss: Double, lower: Double? = nil, upper: Double? = nil)
  {
    self.index = index
    self.costs = costs
    self.loss = loss
    self.lower = lower ?? loss
    self.upper = upper ?? loss
  }

  /// Costs no more in anything, and its whole interval lies below the other's.
  func surelyBeats(_ other: FrontierPoint) -> Bool {
    upper < other.lower && zip(costs, other.costs).allSatisfy { $0 <= $1 }
  }
}

/// Plans that no other surely beats.
///
/// A plan is beaten by one that costs no more and whose whole interval of loss lies below its own.
/// Plans within each other's intervals are not ranked: both stay.
public struct Frontier: Hashable, Sendable {
  /// By rising first cost.
  public let points: [FrontierPoint]
  public let beaten: [FrontierPoint]

  public init(_ points: [FrontierPoint]) {
    let sorted = points.sorted {
      ($0.costs.first ?? 0, $0.loss, $0.index) < ($1.costs.first ?? 0, $1.loss, $1.index)
    }
    var kept: [FrontierPoint] = []
    var beaten: [FrontierPoint] = []
    for point in sorted {
      if sorted.contains(where: { $0.surelyBeats(point) }) {
        beaten.append(point)
      } else {
        kept.append(point)
      }
    }
    self.points = kept
    self.beaten = beaten
  }
}
