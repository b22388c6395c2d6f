import ViseModels
import ViseTensor

/// The products of one token, equal ones together.
struct ProductWork {
  let counts: [DecodingProduct: Int]
  let byteCount: Int

  /// Seconds on this machine, by how weights are read.
  struct Cost {
    /// Of one generated token.
    var decode = LatencyTrials.Change()
    /// What of `decode` is waiting for memory.
    var memory = 0.0
    /// Of a prompt's token.
    var prompt = LatencyTrials.Change()
    /// What only the last token of a prompt needs.
    var last = LatencyTrials.Change()
    /// Whether a kernel that was not timed is taken for another.
    var isBorrowed = false
  }

  init(_ counts: [DecodingProduct: Int]) {
    self.counts = counts
    byteCount = counts.reduce(0) { $0 + $1.key.byteCount * $1.value }
  }

  /// `nil` where no kernel is known.
  func cost(_ kernels: [DecodingProduct.Kernel: KernelCost], _ curve: CacheCurve) -> Cost? {
    guard !kernels.isEmpty else { return nil }
    let share = curve.share(byteCount: byteCount)
    var sum = Cost()
    for (product, count) in counts {
      guard let kernel = kernels[product.kernel] ?? Self.nearest(product.kernel, in: kernels) else {
        return nil
      }
      if kernels[product.kernel] == nil { sum.isBorrowed = true }
      let seconds = kernel.decodeSeconds(product, streamedShare: share) * Double(count)
      sum.decode.add(seconds, product.kernel)
      sum.memory += seconds - kernel.decodeSeconds(product, streamedShare: 0) * Double(count)
      if product.isLastOnly {
        sum.last.add(seconds, product.kernel)
      } else {
        let prompt = kernel.prompt.seconds(rows: product.rows, columns: product.columns)
        sum.prompt.add(
          prompt * Double(count) / Double(KernelCost.promptLength), product.kernel)
      }
    }
    return sum
  }

  /// The kernel of its kind that reads about as many bits a weight.
  private static func nearest(
    _ kernel: DecodingProduct.Kernel, in kernels: [DecodingProduct.Kernel: KernelCost]
  ) -> KernelCost? {
    func distance(_ other: DecodingProduct.Kernel) -> Double {
      abs(other.type.bitsPerWeight - kernel.type.bitsPerWeight)
    }
    let alike = kernels.keys.filter { $0.isPacked == kernel.isPacked }
    return (alike.isEmpty ? Array(kernels.keys) : alike)
      .min { (distance($0), $0.name) < (distance($1), $1.name) }
      .flatMap { kernels[$0] }
  }
}

extension LatencyTrials.Change {
  fileprivate mutating func add(_ seconds: Double, _ kernel: DecodingProduct.Kernel) {
    if kernel.isPacked { packed += seconds } else { rows += seconds }
  }

  /// All seconds together.
  var total: Double { packed + rows }

  static func - (a: Self, b: Self) -> Self {
    Self(packed: a.packed - b.packed, rows: a.rows - b.rows)
  }

  static func + (a: Self, b: Self) -> Self {
    Self(packed: a.packed + b.packed, rows: a.rows + b.rows)
  }

  static func * (a: Self, factor: Double) -> Self {
    Self(packed: a.packed * factor, rows: a.rows * factor)
  }
}
