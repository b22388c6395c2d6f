/// Finds a point of a pyramid whose direction is that of a vector.
struct PyramidSearch {
  let dimension: Int
  let pulses: Int

  /// The point, and the gain g that makes g·y least far from `x` in squares weighed by `weights`.
  ///
  /// Projects to the pyramid, adds the pulses missing one by one where they raise the weighed
  /// correlation most, then moves single pulses as long as that raises it.
  func point(
    near x: UnsafePointer<Float>, weights: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Int32>
  ) -> Float {
    var norm: Float = 0
    for index in 0..<dimension { norm += abs(x[index]) }
    var left = pulses
    let share = norm > 0 && norm.isFinite ? Float(pulses) / norm : 0
    for index in 0..<dimension {
      let count = min(Int(abs(x[index]) * share), left)
      y[index] = Int32(count)
      left -= count
    }
    var fit = Correlation()
    for index in 0..<dimension { fit.set(abs(x[index]), Float(y[index]), weights?[index] ?? 1) }
    for _ in 0..<left { addPulse(x, weights, y, &fit) }
    for _ in 0..<2 * dimension where !movePulse(x, weights, y, &fit) { break }
    for index in 0..<dimension where x[index] < 0 { y[index] = -y[index] }
    return fit.square > 0 ? fit.product / fit.square : 0
  }

  /// Σ w·|x|·y and Σ w·y².
  private struct Correlation {
    var product: Float = 0
    var square: Float = 0

    mutating func set(_ x: Float, _ y: Float, _ w: Float) {
      product += w * x * y
      square += w * y * y
    }

    /// With component y changed by `step`.
    func changed(_ x: Float, _ y: Int32, _ step: Float, _ w: Float) -> Correlation {
      Correlation(
        product: product + step * w * x, square: square + w * (2 * step * Float(y) + 1))
    }

    /// Whether the fit is better: product² / square is larger.
    func beats(_ other: Correlation) -> Bool {
      product * product * other.square > other.product * other.product * square
    }
  }

  /// Puts a pulse where it helps most, and returns the place.
  @discardableResult
  private func addPulse(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Int32>, _ fit: inout Correlation
  ) -> Int {
    var best = 0
    var bestFit = fit.changed(abs(x[0]), y[0], 1, weights?[0] ?? 1)
    for index in 1..<dimension {
      let next = fit.changed(abs(x[index]), y[index], 1, weights?[index] ?? 1)
      if next.beats(bestFit) { (best, bestFit) = (index, next) }
    }
    y[best] += 1
    fit = bestFit
    return best
  }

  /// Takes the pulse away that is missed least and puts it where it helps most.
  private func movePulse(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Int32>, _ fit: inout Correlation
  ) -> Bool {
    var source = -1
    var without = fit
    for index in 0..<dimension where y[index] > 0 {
      let next = fit.changed(abs(x[index]), y[index], -1, weights?[index] ?? 1)
      if source < 0 || next.beats(without) { (source, without) = (index, next) }
    }
    guard source >= 0 else { return false }
    let before = fit
    y[source] -= 1
    fit = without
    let target = addPulse(x, weights, y, &fit)
    if fit.beats(before) { return true }
    y[target] -= 1
    y[source] += 1
    fit = before
    return false
  }
}
