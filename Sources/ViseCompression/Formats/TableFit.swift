import ViseTensor

/// Chooses scale and centre of a table's levels for values that share them: least squared error,
/// weighed by importance, over scaled ranges and their least-squares refits.
struct TableFit {
  let table: [Float]
  let scaleType: ScaleType
  /// `nil` keeps the centre at 0.
  let centre: FirstCentre?
  /// Scales to try, in units of the one that reaches the largest magnitude.
  let factors: [Float]

  struct Parameters {
    var scale: Float
    var centre: Float
  }

  /// - Parameter importance: weighs the squared errors of values, repeated over them.
  func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?
  ) -> Parameters {
    let centre = firstCentre(of: values)
    let extreme = values.reduce(Float(0)) { max($0, abs($1 - centre)) }
    let reach = table.reduce(Float(0)) { max($0, abs($1)) }
    guard extreme > 0, reach > 0 else {
      return Parameters(scale: scaleType.rounded(0), centre: centre)
    }
    let scales = candidates(extreme / reach)
    var best = Parameters(scale: scales[0], centre: centre)
    var error: Double
    if let importance, importance.count < values.count {
      error = .infinity
      for scale in scales {
        let next = Parameters(scale: scale, centre: centre)
        let found = squaredError(values, importance, next)
        if found < error { (best, error) = (next, found) }
      }
    } else {
      let found = GridKernels.bestScale(
        values, importance: importance, table: table, centre: centre, scales: scales)
      (best.scale, error) = (found.scale, found.error)
    }
    guard scaleType != .powerOfTwo, table.count <= 64 else { return best }
    for _ in 0..<3 {
      guard let next = refit(values, importance, best) else { break }
      let found = squaredError(values, importance, next)
      guard found < error else { break }
      (best, error) = (next, found)
    }
    return best
  }

  private var isCentred: Bool { centre != nil }

  private func firstCentre(of values: UnsafeBufferPointer<Float>) -> Float {
    switch centre {
    case nil: 0
    case .densest: Half.nearest(Self.denseCentre(of: values))
    case .midrange: Half.nearest(((values.min() ?? 0) + (values.max() ?? 0)) / 2)
    }
  }

  /// Scales to try where `full` lets the table reach the largest magnitude.
  private func candidates(_ full: Float) -> [Float] {
    switch scaleType {
    case .powerOfTwo:
      let base = scaleType.rounded(full)
      return [base, base * 2, base * 0.5].map(scaleType.rounded)
    case .half, .float: return factors.map { scaleType.rounded(full * $0) }
    }
  }

  private func levels(_ p: Parameters) -> [Float] {
    table.map { isCentred ? $0 * p.scale + p.centre : $0 * p.scale }
  }

  private func squaredError(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ p: Parameters
  ) -> Double {
    let levels = levels(p)
    var error = 0.0
    values.forEachPeriod(of: importance) {
      error += GridKernels.error($0, importance: importance, levels: levels)
    }
    return error
  }

  /// The scale and centre of least error for the codes that `p` gives.
  private func refit(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    _ p: Parameters
  ) -> Parameters? {
    let levels = levels(p)
    var sums = RegressionSums()
    values.forEachPeriod(of: importance) { values in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: values.count) { codes in
        guard let start = codes.baseAddress else { return }
        levels.withUnsafeBufferPointer { GridKernels.codes(values, levels: $0, into: start) }
        for index in values.indices {
          sums.add(
            value: values[index], code: table[Int(codes[index])], weight: importance?[index] ?? 1)
        }
      }
    }
    guard let line = isCentred ? sums.line : sums.proportional else { return nil }
    let scale = scaleType.rounded(Float(line.slope))
    guard scale > 0 else { return nil }
    return Parameters(scale: scale, centre: isCentred ? Half.nearest(Float(line.offset)) : 0)
  }

  /// The middle of the narrowest range that holds half the values.
  ///
  /// DAQ, "Density-Aware Post-Training Weight-Only Quantization For LLMs" (2024), section 3.1.
  static func denseCentre(of values: UnsafeBufferPointer<Float>) -> Float {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let half = (sorted.count + 1) / 2
    var best = 0
    for start in 0...(sorted.count - half)
    where sorted[start + half - 1] - sorted[start] < sorted[best + half - 1] - sorted[best] {
      best = start
    }
    return (sorted[best] + sorted[best + half - 1]) / 2
  }
}
