import Synchronization
public import ViseTensor

/// The energy of a linear site's output, tr(W·H·Wᵀ) with H = E[x·xᵀ] of its inputs.
///
/// For W the error ΔW of a treatment, half of it is the second-order growth of a squared output error
/// (Optimal Brain Surgeon, Hassibi and Stork 1993; HAWQ-V2, arXiv:1911.03852).
public enum OutputEnergy {
  /// Rows per product: enough for BLAS, few enough to stop soon.
  private static let blockLength = 128

  /// Σ over rows w of w·H·wᵀ, for the rows of `matrix` less those of `other`.
  ///
  /// BLAS must be loaded.
  public static func of(
    _ matrix: Matrix, minus other: Matrix? = nil, secondMoment: Matrix, on pool: ComputePool,
    cancellation: CancellationFlag
  ) throws -> Double {
    precondition(matrix.columns == secondMoment.rows)
    precondition(other.map { $0.rows == matrix.rows && $0.columns == matrix.columns } ?? true)
    let sums = Mutex<[Int: Double]>([:])
    let blocks = (matrix.rows + blockLength - 1) / blockLength
    try pool.forEach(blocks) { block, _ in
      try cancellation.check()
      let range = block * blockLength..<min((block + 1) * blockLength, matrix.rows)
      let part = matrix.rows(range)
      if let other { subtract(other, range, from: part) }
      let sum = dot(LinearAlgebra.product(part, secondMoment), part)
      sums.withLock { $0[block] = sum }
    }
    // In the order of the rows, so that the sum does not depend on the threads.
    return sums.withLock { sums in (0..<blocks).reduce(0) { $0 + (sums[$1] ?? 0) } }
  }

  private static func subtract(_ other: Matrix, _ range: Range<Int>, from part: Matrix) {
    withExtendedLifetime((other, part)) {
      let source = other.pointer + range.lowerBound * other.columns
      for index in 0..<part.count { part.pointer[index] -= source[index] }
    }
  }

  private static func dot(_ a: Matrix, _ b: Matrix) -> Double {
    withExtendedLifetime((a, b)) {
      (0..<a.count).reduce(0) { $0 + Double(a.pointer[$1]) * Double(b.pointer[$1]) }
    }
  }
}
