public import ViseCompression
public import ViseModels
public import ViseTensor

/// How much memory evaluation may use beside the mapped file, in bytes.
public struct MemoryBudget: Hashable, Sendable {
  public let total: Int

  public init(total: Int) {
    precondition(total > 0)
    self.total = total
  }

  /// Decoded reference weights.
  var weights: Int { total / 100 * 40 }
  /// Decoded values of treated sites.
  var compressed: Int { total / 100 * 20 }
  /// Activation checkpoints and reference scores.
  var activations: Int { total / 100 * 25 }
  /// What the probe knows of the reference, so that changes alone are computed.
  var probe: Int { total / 100 * 15 }
  /// Sums of calibration, which keeps neither treated sites nor activations.
  public var sums: Int { compressed + activations }
}

/// An opened model with what every evaluation of it shares: weights, caches and threads.
public final class ModelSession: Sendable {
  public let model: Model
  public let program: Model.Program
  public let pool: ComputePool
  public let budget: MemoryBudget
  let weights: WeightStore
  let compressor: SiteCompressor
  let arithmetic: Arithmetic
  /// Names what a plan's outputs depend on beside the plan and the model.
  let setting: String
  let ropeTables = RopeTableCache()

  /// - Parameters:
  ///   - calibration: statistics the treatments' methods may use.
  ///   - levels: where treated sites are kept beyond this session.
  ///   - arithmetic: how plans are computed; the reference always runs in float32.
  /// - Throws: `ModelError` where the model cannot be run, `BLASError` without OpenBLAS.
  public init(
    model: Model, calibration: (any CalibrationSource)? = nil, levels: LevelDatabase? = nil,
    arithmetic: Arithmetic = .float32, pool: ComputePool, budget: MemoryBudget
  ) throws {
    try BLAS.load()
    self.model = model
    self.program = try model.program.get()
    self.pool = pool
    self.arithmetic = arithmetic
    self.budget = budget
    setting = "\(calibration?.identity ?? "none") \(arithmetic)"
    weights = WeightStore(model: model, byteBudget: budget.weights)
    compressor = SiteCompressor(
      reference: weights, calibration: calibration, levels: levels,
      byteBudget: budget.compressed)
  }

  /// The weights under `plan`, its treated sites made beforehand on all threads where they fit.
  func prepare(_ plan: Plan, cancellation: CancellationFlag) throws -> PlannedWeights {
    let planned = PlannedWeights(
      model: model, plan: plan, reference: weights, compressor: compressor,
      arithmetic: arithmetic)
    try compressor.prefetch(planned.changes, on: pool, cancellation: cancellation)
    return planned
  }

  /// Decodes the reference weights that fit the budget.
  public func prefetchWeights(cancellation: CancellationFlag) throws {
    try weights.prefetch(
      model.sites.map(\.name), on: pool, cancellation: cancellation)
  }

  /// Names all that a plan's outputs depend on beside the plan.
  var identity: String { "\(model.fingerprint) \(setting)" }

  /// Names all that a measurement depends on beside the plan and the text.
  public var evaluationIdentity: String { "\(identity) \(MeasurementCode.version)" }

  /// The last cut of the graph that comes before every site whose values differ.
  func lastCut(before plan: Plan, from other: Plan) -> Int? {
    let changed = model.sites.filter { plan.change(of: $0) != other.change(of: $0) }
    return program.graph.lastCut(before: Set(changed.map(\.name)))
  }

  /// The site whose weight is the output head, tied or not.
  var headSite: Site? { model.site(named: program.graph.head) }
}
