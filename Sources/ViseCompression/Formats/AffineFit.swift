import ViseTensor

/// Chooses scale and zero point of uniform integers for values that share them.
struct AffineFit {
  let low: Float
  let high: Float
  let isSymmetric: Bool
  let range: IntegerFormat.Range

  /// A scale, as a half float holds it, and a zero point, 0 where symmetric.
  struct Parameters {
    var scale: Float
    var zero: Float
  }

  /// - Parameter importance: weighs the squared errors of values, repeated over them.
  func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?
  ) -> Parameters {
    switch range {
    case .leastError, .leastSquares: leastError(values, importance: importance)
    case .extremes:
      parameters(smallest: min(0, values.min() ?? 0), largest: max(0, values.max() ?? 0))
    case .percentile(let permille): percentile(values, permille: permille)
    }
  }

  /// Scale and zero point whose codes reach from `smallest` ≤ 0 to `largest` ≥ 0.
  func parameters(smallest: Float, largest: Float) -> Parameters {
    if isSymmetric {
      return Parameters(scale: Half.nearest(max(largest / high, smallest / low)), zero: 0)
    }
    let scale = Half.nearest((largest - smallest) / high)
    guard scale > 0 else { return Parameters(scale: 0, zero: 0) }
    return Parameters(scale: scale, zero: min(max((-smallest / scale).rounded(), 0), high))
  }

  /// The range left when the outermost values are dropped: the ⌊n·(1 − p)⌋ largest magnitudes
  /// where symmetric, half as many at each end where not.
  private func percentile(_ values: UnsafeBufferPointer<Float>, permille: Int) -> Parameters {
    guard !values.isEmpty else { return Parameters(scale: 0, zero: 0) }
    if isSymmetric {
      let dropped = values.count * (1000 - permille) / 1000
      let limit = values.map(abs).sorted()[values.count - 1 - dropped]
      return parameters(smallest: -limit, largest: limit)
    }
    let dropped = values.count * (1000 - permille) / 2000
    let sorted = values.sorted()
    return parameters(
      smallest: min(0, sorted[dropped]), largest: max(0, sorted[values.count - 1 - dropped]))
  }

  private func leastError(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?
  ) -> Parameters {
    let smallest = min(0, values.min() ?? 0)
    let largest = max(0, values.max() ?? 0)
    var best = parameters(smallest: smallest, largest: largest)
    guard best.scale > 0 else { return best }
    var error = self.error(values, importance, best)
    for step in 1..<20 {
      let shrink = 1 - 0.035 * Float(step)
      let next = parameters(smallest: smallest * shrink, largest: largest * shrink)
      let found = self.error(values, importance, next)
      if found < error { (best, error) = (next, found) }
    }
    for _ in 0..<3 {
      guard let next = refit(values, importance, best) else { break }
      let found = self.error(values, importance, next)
      guard found < error else { break }
      (best, error) = (next, found)
    }
    return best
  }

  /// Σ importance · |s·(q − z) − w|².
  private func error(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ p: Parameters
  ) -> Double {
    var error = 0.0
    forEachRun(values, importance) { run, importance in
      error += GridKernels.affineError(
        run, importance: importance, scale: p.scale, zero: p.zero, codes: low...high)
    }
    return error
  }

  private static let runLength = 1024

  /// Calls `body` with runs of values and what each is worth, `nil` where all are worth the same.
  private func forEachRun(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>?) -> Void
  ) {
    guard importance == nil, range == .leastError else {
      return values.forEachPeriod(of: importance) { body($0, importance) }
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.runLength) { magnitudes in
      for first in stride(from: 0, to: values.count, by: Self.runLength) {
        let run = UnsafeBufferPointer(
          rebasing: values[first..<min(first + Self.runLength, values.count)])
        for index in 0..<run.count { magnitudes[index] = abs(run[index]) }
        body(run, UnsafeBufferPointer(rebasing: magnitudes[..<run.count]))
      }
    }
  }

  /// The scale and zero point of least squares for the codes that `p` gives.
  ///
  /// Magnitudes do not weigh here: they would trade all weights for the few largest.
  private func refit(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ p: Parameters
  ) -> Parameters? {
    var sums = RegressionSums()
    values.forEachPeriod(of: importance) { values in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.runLength) { codes in
        guard let start = codes.baseAddress else { return }
        for first in stride(from: 0, to: values.count, by: Self.runLength) {
          let range = first..<min(first + Self.runLength, values.count)
          let part = UnsafeBufferPointer(rebasing: values[range])
          GridKernels.affineCodes(
            part, scale: p.scale, zero: p.zero, codes: low...high, into: start)
          for index in 0..<range.count {
            sums.add(
              value: part[index], code: start[index],
              weight: importance?[range.lowerBound + index] ?? 1)
          }
        }
      }
    }
    guard let line = isSymmetric ? sums.proportional : sums.line else { return nil }
    let scale = Half.nearest(Float(line.slope))
    guard scale > 0 else { return nil }
    let zero = isSymmetric ? 0 : min(max(Float(-line.offset / line.slope).rounded(), 0), high)
    return Parameters(scale: scale, zero: zero)
  }
}
