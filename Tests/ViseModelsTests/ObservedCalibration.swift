import ViseCompression
import ViseModels
import ViseTensor

/// Statistics of the inputs a model's linear sites saw on a few tokens, kept in memory.
struct ObservedCalibration: CalibrationSource {
  let identity = "observed"
  private let statistics: [String: SiteCalibration]

  init(_ run: ModelRun, tokens: [Int32]) throws {
    var statistics: [String: SiteCalibration] = [:]
    try run.executor.observeLinearInputs(
      of: TokenBatch(tokens: tokens, sequenceLength: tokens.count), weights: run.weights,
      cancellation: CancellationFlag()
    ) { weight, input in
      statistics[weight] = try Self.statistics(input.copy())
    }
    self.statistics = statistics
  }

  private static func statistics(_ x: Matrix) throws -> SiteCalibration {
    let moment = Matrix.zeros(rows: x.columns, columns: x.columns)
    try withExtendedLifetime(x) {
      try LinearAlgebra.accumulateGram(
        x: x.pointer, rows: x.rows, columns: x.columns, stride: x.columns, into: moment)
    }
    LinearAlgebra.symmetrize(moment)
    Kernels.scale(moment.pointer, count: moment.count, by: 1 / Float(x.rows))
    let columns = x.transposed()
    let values = (0..<x.columns).map { columns.rows($0..<$0 + 1).values }
    return SiteCalibration(
      tokenCount: x.rows, secondMoment: moment,
      mean: values.map { $0.reduce(0, +) / Float(x.rows) }, minimum: values.map { $0.min() ?? 0 },
      maximum: values.map { $0.max() ?? 0 })
  }

  func statistics(of site: Site) -> SiteCalibration? { statistics[site.name] }
}
