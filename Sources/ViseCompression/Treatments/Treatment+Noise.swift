import Glibc

extension Treatment {
  /// The noise a treatment is expected to add, as a share of the weights' power: a prior that looks
  /// at no data and serves to scale measured effects from one treatment to another.
  ///
  /// Quantization noise falls fourfold a bit; 3·4^−bits is about what block formats leave of
  /// Gaussian weights. Pruning removes the smallest magnitudes of a Gaussian, and a rank r of R
  /// directions leaves (1 − r/R)², as a spectrum that falls linearly has it.
  public func expectedNoise(for shape: WeightShape) -> Double {
    let (rows, columns) = (shape.rows, shape.columns)
    var noise = 0.0
    if let format { noise += 3 * exp2(-2 * format.bitsPerWeight) }
    if let sparsity {
      // Whole channels hold about their share of the power.
      noise +=
        sparsity.pattern == .channels
        ? sparsity.ratio : Self.energyOfSmallest(share: sparsity.ratio)
    }
    if let lowRank {
      let left = 1 - Double(lowRank.rank) / Double(max(1, min(rows, columns)))
      noise += max(0, left) * max(0, left)
    }
    if let structure {
      let count = form.parameterCount(of: shape)
      let left = max(0, 1 - Double(count) / Double(max(1, rows * columns)))
      // Tensors of trained filters are nearly of low rank; of others, as if all directions mattered alike.
      if case .tensor = structure { noise += pow(left, Self.tensorDecay) } else { noise += left }
    }
    return max(noise, 1e-12)
  }

  /// How fast a tensor decomposition's noise falls with the share of numbers it leaves out: about what the
  /// losses of CP did on layers of the sample ResNet-20.
  private static let tensorDecay = 6.0

  /// The share of a Gaussian's power that its smallest `share` of magnitudes holds.
  static func energyOfSmallest(share: Double) -> Double {
    var low = 0.0
    var high = 10.0
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if erf(middle / 2.0.squareRoot()) < share { low = middle } else { high = middle }
    }
    return share - (2 / Double.pi).squareRoot() * low * exp(-low * low / 2)
  }
}
