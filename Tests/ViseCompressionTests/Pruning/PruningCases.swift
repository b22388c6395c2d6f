import ViseCompression
import ViseTensor

/// A weight, inputs whose channels go together, and what the pruning tests measure by them.
struct PruningCases {
  let weight: Matrix
  let tokens: Matrix
  let statistics: SiteCalibration
  let work = RowWork(pool: ComputePool(threadCount: 2))

  init(rows: Int, columns: Int, seed: UInt64) throws {
    try BLAS.load()
    var random = TestWeights(seed: seed)
    weight = Matrix(
      rows: rows, columns: columns, values: random.normal(rows * columns, deviation: 0.05))
    let count = columns * 2
    // All channels share some signals; some are much larger than the rest.
    let signals = Matrix(rows: count, columns: 24, values: random.normal(count * 24, deviation: 1))
    let loads = Matrix(
      rows: 24, columns: columns, values: random.normal(24 * columns, deviation: 0.3))
    let noise = Matrix(
      rows: count, columns: columns, values: random.normal(count * columns, deviation: 0.8))
    withExtendedLifetime((signals, loads, noise)) {
      BLAS.multiply(
        m: count, n: columns, k: 24, a: signals.pointer, strideA: 24, b: loads.pointer,
        strideB: columns, beta: 1, c: noise.pointer, strideC: columns)
    }
    let scaled = LinearAlgebra.scaleColumns(
      of: noise, by: (0..<columns).map { $0 % 17 == 3 ? 12 : 0.5 + Float($0 % 5) / 5 })
    tokens = scaled
    let moment = Matrix.zeros(rows: columns, columns: columns)
    try withExtendedLifetime(scaled) {
      try LinearAlgebra.accumulateGram(
        x: scaled.pointer, rows: count, columns: columns, stride: columns, into: moment)
    }
    LinearAlgebra.symmetrize(moment)
    Kernels.scale(moment.pointer, count: moment.count, by: 1 / Float(count))
    statistics = SiteCalibration(
      tokenCount: count, secondMoment: moment, mean: [Float](repeating: 0, count: columns),
      minimum: [Float](repeating: -60, count: columns),
      maximum: [Float](repeating: 60, count: columns))
  }

  var secondMoment: Matrix { statistics.secondMoment }

  func factor() throws -> InputFactor { try InputFactor(secondMoment: secondMoment) }

  var meanSquares: [Float] { LinearAlgebra.diagonal(of: secondMoment) }

  /// The error of the outputs.
  func error(_ values: Matrix) -> Double {
    QuadraticError.outputError(
      of: values, from: weight, secondMoment: secondMoment)
  }

  func prune(_ method: PruningMethod, _ sparsity: Sparsity) throws -> PrunedWeight {
    switch method {
    case .magnitude: try MagnitudePruning(sparsity: sparsity).prune(weight, work: work)
    case .wanda:
      try WandaPruning(sparsity: sparsity, meanSquares: meanSquares).prune(weight, work: work)
    case .exactOBS: try ExactOBS(sparsity: sparsity, factor: factor()).prune(weight, work: work)
    case .repaired:
      try MaskRepair(sparsity: sparsity, statistics: statistics)
        .repair(prune(.wanda, sparsity).mask, of: weight, work: work)
    case .reformed:
      try Reformation(factor: factor())
        .reform(weight, mask: prune(.wanda, sparsity).mask, work: work)
    case .sparseGPT: try SparseGPT(sparsity: sparsity, factor: factor()).prune(weight, work: work)
    case .maximumWeight, .weightVariance, .normProduct, .outputEnergy, .merging:
      throw CompressionError.unsuitable("\(method.rawValue) chooses whole channels")
    }
  }

  /// The treatment called `name` applied to the weight, as the pipeline does it.
  func compress(_ name: String, stored: StorageType = .f16, calibrated: Bool = true) throws
    -> CompressedSite
  {
    guard let treatment = Treatment(name: name) else {
      throw CompressionError.unsuitable("\(name) is no treatment")
    }
    let source = EverySite(statistics: statistics)
    return try SiteCompression(
      treatment: treatment, calibration: calibrated ? source : nil, factors: InputFactorCache(),
      work: work
    ).compress(weight, site: site(stored: stored))
  }

  func site(stored: StorageType = .f16) -> Site {
    Site(
      index: 0, name: "w", role: .ffnUp, block: 0, rows: weight.rows, columns: weight.columns,
      stored: stored)
  }
}

/// The same statistics for every site.
private struct EverySite: CalibrationSource {
  let statistics: SiteCalibration
  let identity = "fixed"

  func statistics(of site: Site) throws -> SiteCalibration? { statistics }
}
