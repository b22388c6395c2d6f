import ViseTensor

/// Chooses integers and the low-rank branch beside them in turns: Q stores W − L·R, and L·R is the
/// nearest product to W − Q.
///
/// Algorithm 1 of LQ-LoRA (Guo et al., arXiv:2311.12023), which stops at the least error. Nearest is
/// by the inputs where they are known: under E[x xᵀ], its diagonal, or plainly. Factors are rounded
/// as they are stored before the error is taken.
struct LowRankBranch {
  let format: BranchFormat

  private static let turns = 4

  /// By nearest values, weighed by `importance`.
  func encode(
    _ weight: Matrix, importance: [Float]?, work: RowWork
  ) throws -> EncodedWeight {
    try alternate(
      weight, work: work,
      round: { try format.integers.encode($0, importance: importance, work: work) },
      factor: { residual, rank throws(LinearAlgebraError) in
        guard let importance else {
          return try SVDFactorization().decompose(residual).factors(rank: rank)
        }
        return try Self.weighed(residual, by: importance, rank: rank)
      },
      error: { difference in
        withExtendedLifetime(difference) {
          (0..<difference.rows).reduce(0.0) { sum, row in
            let values = difference.row(row)
            return (0..<difference.columns).reduce(sum) {
              $0 + Double(importance?[$1] ?? 1) * Double(values[$1] * values[$1])
            }
          }
        }
      })
  }

  /// By error feedback under the inputs' second moment; pruned weights are zero in the integers.
  func encode(
    _ weight: Matrix, factor: InputFactor, mask: Mask?, work: RowWork
  ) throws -> EncodedWeight {
    try alternate(
      weight, work: work,
      round: {
        try GridGPTQ(codec: format.integers, factor: factor).encode($0, mask: mask, work: work)
      },
      factor: { residual, rank throws(LinearAlgebraError) in
        try ActivationWeightedSVD()
          .factors(of: residual, secondMoment: factor.moment, rank: rank)
      },
      error: { difference in
        QuadraticError.outputError(
          of: difference,
          from: .zeros(rows: difference.rows, columns: difference.columns),
          secondMoment: factor.moment)
      })
  }

  private func alternate(
    _ weight: Matrix, work: RowWork, round: (Matrix) throws -> EncodedWeight,
    factor: (Matrix, Int) throws(LinearAlgebraError) -> LowRankFactors,
    error: (Matrix) -> Double
  ) throws -> EncodedWeight {
    try BLAS.load()
    let rank = min(format.rank, weight.rows, weight.columns)
    var target = weight
    var best: (encoded: EncodedWeight, error: Double)?
    for _ in 0..<Self.turns {
      try work.cancellation.check()
      let integers = try round(target)
      let rest = weight.minus(try format.integers.decode(integers, work: work))
      let encoded: EncodedWeight
      do throws(LinearAlgebraError) {
        encoded = format.joined(integers, try factor(rest, rank))
      } catch {
        throw CompressionError.numericalFailure("the residual has no factors: \(error)")
      }
      let found = error(weight.minus(try format.decode(encoded, work: work)))
      if let best, best.error <= found { break }
      best = (encoded, found)
      let product = Matrix.zeros(rows: weight.rows, columns: weight.columns)
      try format.add(
        left: encoded.halves("left"), right: encoded.halves("right"), to: product, work: work)
      target = weight.minus(product)
    }
    guard let best else { preconditionFailure("there is a first turn") }
    return best.encoded
  }

  /// The nearest product where errors of each column weigh as much as `importance` says.
  private static func weighed(
    _ residual: Matrix, by importance: [Float], rank: Int
  ) throws(LinearAlgebraError) -> LowRankFactors {
    let mean = importance.reduce(0) { $0 + max($1, 0) } / Float(max(importance.count, 1))
    // Columns that weigh nothing would divide by it.
    let scales = importance.map { (max($0, 0) + max(1e-4 * mean, 1e-30)).squareRoot() }
    let factors = try SVDFactorization()
      .decompose(LinearAlgebra.scaleColumns(of: residual, by: scales)).factors(rank: rank)
    return LowRankFactors(
      left: factors.left,
      right: LinearAlgebra.scaleColumns(of: factors.right, by: scales.map { 1 / $0 }))
  }
}

extension Matrix {
  fileprivate func minus(_ other: Matrix) -> Matrix {
    let result = copy()
    withExtendedLifetime((result, other)) {
      for index in 0..<result.count { result.pointer[index] -= other.pointer[index] }
    }
    return result
  }
}
