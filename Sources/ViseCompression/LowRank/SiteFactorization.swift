import ViseTensor

/// Factorizes a weight and stores both factors in one number format.
///
/// The right factor is filled under the statistics of the site's inputs. The left one is first
/// refitted to the right one as stored, L = W·H·Rᵀ·(R·H·Rᵀ)⁻¹, the least squares of the outputs,
/// and then filled under R·H·Rᵀ, the second moment of what it multiplies.
struct SiteFactorization {
  let lowRank: LowRank
  let codec: any WeightCodec
  let method: Method
  let statistics: SiteCalibration?
  let factors: InputFactorCache
  let work: RowWork
  /// Where the decomposition is kept, and what under; `nil` makes it anew.
  var memory: (cache: DecompositionCache, site: String, sparsity: Sparsity?)?

  /// Of the refit's normal equations, as a share of their mean diagonal.
  private static let damping: Float = 1e-6

  /// The left and the right factor as stored.
  func compress(_ weight: Matrix) throws -> [EncodedWeight] {
    do {
      let split = try split(weight)
      let right = try FormatSolver(
        codec: codec, method: method, statistics: statistics, factors: factors, work: work
      ).encode(split.right)
      let decodedRight = try codec.decode(right, work: work)
      let inner = try InnerStatistics(of: decodedRight, statistics)
      let left = try FormatSolver(
        codec: codec, method: method, statistics: inner.calibration, factors: InputFactorCache(),
        work: work
      ).encode(try inner.leastSquares(weight, damping: Self.damping))
      return [left, right]
    } catch let error as LinearAlgebraError {
      throw CompressionError.numericalFailure("the weight has no such factors: \(error)")
    }
  }

  private func split(_ weight: Matrix) throws -> LowRankFactors {
    let method = lowRank.method ?? (statistics == nil ? .svd : .weightedSVD)
    if method.needsCalibration, statistics == nil {
      throw CompressionError.needsCalibration(method: method.rawValue)
    }
    guard let memory else {
      return try decompose(weight, method).factors(rank: lowRank.rank)
    }
    let key = DecompositionCache.Key(
      site: memory.site, sparsity: memory.sparsity, method: method)
    return try memory.cache.value(for: key) { () throws(LinearAlgebraError) in
      try decompose(weight, method)
    }.factors(rank: lowRank.rank)
  }

  private func decompose(
    _ weight: Matrix, _ method: FactorizationMethod
  ) throws(LinearAlgebraError) -> RankedFactors {
    guard method == .weightedSVD, let statistics else {
      return try SVDFactorization().decompose(weight)
    }
    return try ActivationWeightedSVD().decompose(weight, secondMoment: statistics.secondMoment)
  }
}

/// What is known of R·x, the input of a left factor.
struct InnerStatistics {
  /// H·Rᵀ, or Rᵀ without statistics: columns × rank.
  let cross: Matrix
  /// R·H·Rᵀ, or R·Rᵀ without statistics.
  let moment: Matrix
  /// `nil` without statistics.
  let calibration: SiteCalibration?

  init(of right: Matrix, _ statistics: SiteCalibration?) throws {
    guard let statistics else {
      cross = right.transposed()
      moment = LinearAlgebra.product(right, cross)
      calibration = nil
      return
    }
    cross = LinearAlgebra.productTransposed(statistics.secondMoment, right)
    let moment = LinearAlgebra.product(right, cross)
    // Rounding leaves the two halves a little apart.
    LinearAlgebra.symmetrize(moment)
    self.moment = moment
    let ranges = Self.ranges(of: right, statistics)
    calibration = SiteCalibration(
      tokenCount: statistics.tokenCount, secondMoment: moment, mean: ranges.mean,
      minimum: ranges.minimum, maximum: ranges.maximum)
  }

  /// Means are exact; no value lies outside the bounds, which inputs need not reach together.
  private static func ranges(
    of right: Matrix, _ statistics: SiteCalibration
  ) -> (mean: [Float], minimum: [Float], maximum: [Float]) {
    var mean = [Float](repeating: 0, count: right.rows)
    var minimum = mean
    var maximum = mean
    withExtendedLifetime(right) {
      for row in 0..<right.rows {
        for column in 0..<right.columns {
          let factor = right.row(row)[column]
          let ends = (factor * statistics.minimum[column], factor * statistics.maximum[column])
          mean[row] += factor * statistics.mean[column]
          minimum[row] += min(ends.0, ends.1)
          maximum[row] += max(ends.0, ends.1)
        }
      }
    }
    return (mean, minimum, maximum)
  }

  /// The left factor with the least squared error of the outputs, W·cross·moment⁻¹.
  func leastSquares(_ weight: Matrix, damping: Float) throws(LinearAlgebraError) -> Matrix {
    let root = try LinearAlgebra.dampedCholesky(moment, damping: damping).factor
    let half = try LinearAlgebra.solveTriangular(
      root, .lower, transposed: true, on: .right, LinearAlgebra.product(weight, cross))
    return try LinearAlgebra.solveTriangular(root, .lower, on: .right, half)
  }
}
