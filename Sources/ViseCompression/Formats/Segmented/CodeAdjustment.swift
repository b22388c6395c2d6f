import ViseTensor

/// Codes of a short vector on a uniform grid, adjusted one at a time to its direction.
///
/// Code adjustment of SAQ (Li et al., 2025, section 4): from the nearest codes each goes up or down by
/// one while (Σhxl)² / Σhl² grows, which is the energy that the best scale of the levels l explains;
/// h are the columns' weights. The scale is that best one, Σhxl / Σhl².
struct CodeAdjustment {
  let bits: Int

  /// Starts of the search, as shares of the range from extreme to extreme.
  private static let shrinks: [Float] = [1, 0.85, 0.7, 0.55]
  private static let rounds = 6

  /// What is taken off a code of `bits` bits to give its level, in steps: 2^(bits−1) − ½.
  static func middle(_ bits: Int) -> Float { Float((1 << bits) - 1) / 2 }

  private struct Sums {
    /// Σ h·x·l and Σ h·l².
    var product: Float = 0
    var square: Float = 0

    /// The energy the best scale explains; nothing where that would be negative.
    var explained: Float { product > 0 && square > 0 ? product * product / square : 0 }
  }

  /// Writes the codes and returns the scale, as it is stored.
  func fit(
    _ values: UnsafeBufferPointer<Float>, importance: UnsafeBufferPointer<Float>?,
    into codes: inout [UInt8]
  ) -> Float {
    let reach = values.reduce(Float(0)) { max($0, abs($1)) }
    guard reach > 0 else {
      for index in values.indices { codes[index] = 0 }
      return 0
    }
    var best: (sums: Sums, codes: [UInt8])?
    for shrink in Self.shrinks {
      var tried = [UInt8](repeating: 0, count: values.count)
      let sums = search(values, importance, reach: reach * shrink, codes: &tried)
      if best.map({ sums.explained > $0.sums.explained }) ?? true { best = (sums, tried) }
      // Two levels have no range to choose.
      if bits == 1 { break }
    }
    guard let best else { return 0 }
    for index in values.indices { codes[index] = best.codes[index] }
    guard best.sums.explained > 0 else { return 0 }
    return Half.nearest(best.sums.product / best.sums.square)
  }

  private func search(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?, reach: Float,
    codes: inout [UInt8]
  ) -> Sums {
    let (middle, top) = (Self.middle(bits), Float((1 << bits) - 1))
    // The outermost levels are half a step inside the range.
    let steps = Float(1 << bits) / (2 * reach)
    var sums = Sums()
    for (index, value) in values.enumerated() {
      let code = min(max((value * steps + middle).rounded(), 0), top)
      codes[index] = UInt8(code)
      let (weight, level) = (importance?[index] ?? 1, code - middle)
      sums.product += weight * value * level
      sums.square += weight * level * level
    }
    for _ in 0..<Self.rounds {
      guard adjust(values, importance, codes: &codes, &sums) else { break }
    }
    return sums
  }

  /// One round over all codes; whether any was changed.
  private func adjust(
    _ values: UnsafeBufferPointer<Float>, _ importance: UnsafeBufferPointer<Float>?,
    codes: inout [UInt8], _ sums: inout Sums
  ) -> Bool {
    let (middle, top) = (Self.middle(bits), (1 << bits) - 1)
    var hasChanged = false
    for (index, value) in values.enumerated() {
      let weight = importance?[index] ?? 1
      for change in [1, -1] {
        let code = Int(codes[index])
        guard (0...top).contains(code + change) else { continue }
        let (level, step) = (Float(code) - middle, Float(change))
        var next = sums
        next.product += weight * value * step
        next.square += weight * (2 * level * step + 1)
        guard next.explained > sums.explained * (1 + 1e-6) else { continue }
        sums = next
        codes[index] = UInt8(code + change)
        hasChanged = true
      }
    }
    return hasChanged
  }
}
