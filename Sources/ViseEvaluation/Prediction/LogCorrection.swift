import Glibc

/// A robust line through log errors of predictions: log(measured / predicted) against log predicted.
///
/// Ridge regression towards "no correction" with Huber weights (Huber, "Robust Statistics", 1981,
/// ch. 7): the level's prior deviation is 0.3, the slope's 0.15, so few trials move it little. Outside
/// the trials' range the correction stays what it is at the nearest end.
struct LogCorrection: Sendable {
  /// log predicted, and log(measured / predicted).
  typealias Point = (x: Double, error: Double)

  private var center = 0.0
  private var offset = 0.0
  private var slope = 0.0
  private var range = -Double.infinity...Double.infinity

  private static let offsetDeviation = 0.3
  private static let slopeDeviation = 0.15
  /// Below this, differences of errors are no outliers.
  private static let smallestScale = 0.02
  private static let huberConstant = 1.345
  private static let rounds = 12

  /// No points leave predictions as they are.
  init(_ points: [Point]) {
    guard let first = points.first else { return }
    range = points.reduce(first.x...first.x) {
      min($0.lowerBound, $1.x)...max($0.upperBound, $1.x)
    }
    var weights = [Double](repeating: 1, count: points.count)
    for _ in 0..<Self.rounds {
      let residuals = points.map { $0.error - value(at: $0.x) }
      let scale = max(1.4826 * Self.median(residuals.map(abs)), Self.smallestScale)
      weights = residuals.map { min(1, Self.huberConstant * scale / max(abs($0), 1e-12)) }
      solve(points, weights, scale: scale)
    }
  }

  /// What is added to log predicted.
  func value(at x: Double) -> Double {
    offset + slope * (min(max(x, range.lowerBound), range.upperBound) - center)
  }

  private mutating func solve(_ points: [Point], _ weights: [Double], scale: Double) {
    let total = weights.reduce(0, +)
    center = zip(points, weights).reduce(0) { $0 + $1.0.x * $1.1 } / total
    var (level, product, square) = (0.0, 0.0, 0.0)
    for (point, weight) in zip(points, weights) {
      let x = point.x - center
      level += weight * point.error
      product += weight * x * point.error
      square += weight * x * x
    }
    let variance = scale * scale
    offset = level / (total + variance / (Self.offsetDeviation * Self.offsetDeviation))
    slope = product / (square + variance / (Self.slopeDeviation * Self.slopeDeviation))
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
