/// An orthogonal transform of vectors in O(n log n): Hadamard matrices along the diagonal.
///
/// A length b·2ᵏ with a known Hadamard matrix of order b gets one block that mixes everything;
/// other lengths get as many blocks as their largest such divisor leaves.
public struct HadamardTransform: Hashable, Sendable {
  /// The length of a vector.
  public let length: Int
  /// The order of each block.
  public let blockLength: Int
  /// The order of the base matrix; the rest of a block is a power of two.
  public let baseOrder: Int
  private let base: [Float]

  public init(length: Int) {
    precondition(length > 0)
    self.length = length
    (blockLength, baseOrder, base) = Self.plan(length)
  }

  /// Whether every output depends on every input.
  public var mixesAll: Bool { blockLength == length }

  /// Multiplies each row of `a` by the transform, in place: H·x, or Hᵀ·x with `inverse`.
  public func apply(to a: Matrix, inverse: Bool = false) {
    precondition(a.columns == length)
    let scratch = FloatBuffer(count: baseOrder > 1 ? blockLength : 0)
    withExtendedLifetime((a, scratch)) {
      for row in 0..<a.rows {
        for block in stride(from: 0, to: length, by: blockLength) {
          transform(a.pointer + row * length + block, scratch, inverse: inverse)
        }
      }
    }
  }

  /// (B ⊗ H₂ₖ)·x / √order on one block.
  private func transform(
    _ x: UnsafeMutablePointer<Float>, _ scratch: FloatBuffer, inverse: Bool
  ) {
    let inner = blockLength / baseOrder
    for start in stride(from: 0, to: blockLength, by: inner) {
      Self.walshHadamard(x + start, count: inner)
    }
    Kernels.scale(x, count: blockLength, by: 1 / Float(blockLength).squareRoot())
    guard baseOrder > 1 else { return }
    scratch.pointer.update(repeating: 0, count: blockLength)
    for row in 0..<baseOrder {
      let target = scratch.pointer + row * inner
      for column in 0..<baseOrder {
        let sign = base[inverse ? column * baseOrder + row : row * baseOrder + column]
        let source = x + column * inner
        if sign > 0 {
          for index in 0..<inner { target[index] += source[index] }
        } else {
          for index in 0..<inner { target[index] -= source[index] }
        }
      }
    }
    x.update(from: scratch.pointer, count: blockLength)
  }

  /// The unnormalized transform of a power of two, by butterflies.
  private static func walshHadamard(_ x: UnsafeMutablePointer<Float>, count: Int) {
    var half = 1
    while half < count {
      for start in stride(from: 0, to: count, by: 2 * half) {
        for index in start..<start + half {
          let (a, b) = (x[index], x[index + half])
          x[index] = a + b
          x[index + half] = a - b
        }
      }
      half *= 2
    }
  }

  /// The block that mixes most, and among equal ones that with the smallest base.
  private static func plan(_ length: Int) -> (block: Int, base: Int, entries: [Float]) {
    let powerOfTwo = length & -length
    let odd = length / powerOfTwo
    var best = (block: powerOfTwo, base: 1, entries: [Float(1)])
    for divisor in 1...odd where odd % divisor == 0 {
      let block = divisor * powerOfTwo
      guard block > best.block else { continue }
      var order = divisor
      while order <= min(block, HadamardBase.largestOrder) {
        if let entries = HadamardBase.entries(order: order) {
          best = (block, order, entries)
          break
        }
        order *= 2
      }
    }
    return best
  }
}

/// A random orthogonal matrix that costs O(n log n) to apply: random signs, then Hadamard.
public struct RandomizedHadamard: Hashable, Sendable {
  public let transform: HadamardTransform
  /// ±1 by feature.
  public let signs: [Float]

  public init(length: Int, seed: UInt64) {
    transform = HadamardTransform(length: length)
    var random = RandomSource(seed: seed)
    signs = (0..<length).map { _ in random.next() >> 63 == 0 ? 1 : -1 }
  }

  public var length: Int { signs.count }

  /// Replaces each row x of `a` by Q·x with Q = H·diag(signs).
  public func apply(to a: Matrix) {
    flipSigns(of: a)
    transform.apply(to: a)
  }

  /// Replaces each row x of `a` by Qᵀ·x, which undoes `apply`.
  public func applyInverse(to a: Matrix) {
    transform.apply(to: a, inverse: true)
    flipSigns(of: a)
  }

  private func flipSigns(of a: Matrix) {
    precondition(a.columns == length)
    withExtendedLifetime(a) {
      for row in 0..<a.rows {
        for column in 0..<length { a.pointer[row * length + column] *= signs[column] }
      }
    }
  }
}
