import ViseTensor

/// What error feedback costs beside the linear algebra it cannot do without: the figures of
/// `vise study solvers`.
///
/// All times are processor time of one thread, on seeded random weights and correlated inputs.
public struct SolverStudy: Hashable, Sendable {
  public let rows: Int
  public let columns: Int
  public let seed: UInt64

  public init(rows: Int, columns: Int, seed: UInt64) {
    precondition(rows > 0 && columns > 0)
    self.rows = rows
    self.columns = columns
    self.seed = seed
  }

  /// One format filled by GPTQ.
  public struct Figure: Hashable, Sendable {
    public let format: NumberFormat
    /// Factor, rounding and updates together.
    public let total: Duration
    /// The Cholesky factor of the inverse, H⁻¹ = UᵀU.
    public let factor: Duration
    /// The matrix products that spread each chunk's errors over the columns to come.
    public let updates: Duration

    /// `total` over the time of factor and updates.
    public var ratio: Double { total / (factor + updates) }
  }

  /// GPTQ in each of `formats`, which must fit the columns.
  public func figures(_ formats: [NumberFormat]) throws -> [Figure] {
    try BLAS.load()
    var random = RandomSource(seed: seed)
    let weight = Self.uniform(rows: rows, columns: columns, &random)
    let moment = try secondMoment(&random)
    let updates = try time { update(weight.copy(), by: moment) }
    return try formats.map { format in
      let none = [Float](repeating: 0, count: columns)
      let statistics = SiteCalibration(
        tokenCount: 2 * columns, secondMoment: moment, mean: none, minimum: none, maximum: none)
      let factor = try time { _ = try InputFactor(secondMoment: moment) }
      let total = try time {
        _ = try FormatSolver(
          codec: format.codec, method: .gptq, statistics: statistics, factors: InputFactorCache(),
          work: RowWork(pool: nil)
        ).encode(weight)
      }
      return Figure(format: format, total: total, factor: factor, updates: updates)
    }
  }

  /// The products of one pass, in the chunks the solvers take.
  private func update(_ values: Matrix, by factor: Matrix) {
    let length = BlockSolving.chunkLength
    let errors = Matrix.zeros(rows: BlockGPTQ.rowsAtOnce, columns: length)
    for start in stride(from: 0, to: rows, by: BlockGPTQ.rowsAtOnce) {
      let count = min(BlockGPTQ.rowsAtOnce, rows - start)
      for first in stride(from: length, to: columns, by: length) {
        withExtendedLifetime((values, factor, errors)) {
          BLAS.multiply(
            m: count, n: columns - first, k: length, alpha: -1, a: errors.pointer,
            strideA: length, b: factor.pointer + (first - length) * columns + first,
            strideB: columns, beta: 1, c: values.row(start) + first, strideC: columns)
        }
      }
    }
  }

  /// E[x xᵀ] of inputs whose neighbours are alike.
  private func secondMoment(_ random: inout RandomSource) throws -> Matrix {
    let samples = Self.uniform(rows: 2 * columns, columns: columns, &random)
    let result = Matrix.zeros(rows: columns, columns: columns)
    try withExtendedLifetime(samples) {
      for row in 0..<samples.rows {
        for column in 1..<columns { samples.row(row)[column] += 0.5 * samples.row(row)[column - 1] }
      }
      try LinearAlgebra.accumulateGram(
        x: samples.pointer, rows: samples.rows, columns: columns, stride: columns, into: result)
    }
    LinearAlgebra.symmetrize(result)
    return result
  }

  private static func uniform(
    rows: Int, columns: Int, _ random: inout RandomSource
  ) -> Matrix {
    let result = Matrix(rows: rows, columns: columns)
    for index in 0..<result.count { result.pointer[index] = Float(random.nextUnit()) - 0.5 }
    return result
  }

  private func time(_ body: () throws -> Void) throws -> Duration {
    let start = ProcessorTime.ofThread
    try body()
    return ProcessorTime.ofThread - start
  }
}
