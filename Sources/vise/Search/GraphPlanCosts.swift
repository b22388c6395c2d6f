import ViseCompression
import ViseFormats
import ViseGraphs
import ViseTensor

/// What plans of an ONNX model cost, without images.
struct GraphPlanCosts {
  private let model: GraphModel
  private let sizes: SizeModel
  private let pool: ComputePool
  private let work: RowWork
  private let byteLimit: Int
  /// By the structure plans leave, so that plans of other formats are not counted again.
  private var counted: [Plan: Int?] = [:]

  /// - Throws: `ONNXError` where the model cannot be written.
  init(_ model: GraphModel, pool: ComputePool, byteLimit: Int) throws {
    self.model = model
    self.pool = pool
    self.byteLimit = byteLimit
    sizes = SizeModel(onnx: try GraphSizes(model), sites: model.sites.map(\.site))
    work = RowWork(pool: pool, cancellation: Interrupt.flag)
  }

  /// Bytes of the exported file; a prior where the plan cannot be carried out without a calibration.
  func bytes(of plan: Plan) throws -> (count: Int, isExact: Bool) {
    let prior = sizes.byteCount(of: plan)
    if sizes.isExact(plan) { return (prior, true) }
    guard !plan.treatments.values.contains(where: \.needsCalibration) else { return (prior, false) }
    return (
      try ONNXWriter.byteCount(of: PlannedGraph(model, plan: plan, work: work).model), true
    )
  }

  /// Multiplications with an addition for one image; `nil` where the input's shape is not declared.
  mutating func macs(of plan: Plan) throws -> Int? {
    let structure = Plan(treatments: plan.treatments.compactMapValues(Self.structure))
    if let known = counted[structure] { return known }
    let found = try count(structure)
    counted[structure] = .some(found)
    return found
  }

  private func count(_ plan: Plan) throws -> Int? {
    guard let input = model.source.graph.inputs.first(where: isGiven),
      let shape = Self.shape(of: input)
    else { return nil }
    let zeros = Tensor(shape, [Float](repeating: 0, count: shape.reduce(1, *)))
    let context = GraphContext(
      pool: pool, memory: nil, byteLimit: byteLimit, cancellation: Interrupt.flag)
    let planned = try PlannedGraph(model, plan: plan, work: work).model
    return try GraphCost(planned, input: zeros, context: context).macs
  }

  private func isGiven(_ input: ONNXValue) -> Bool {
    !model.source.graph.initializers.contains { $0.name == input.name }
  }

  /// One image's shape.
  private static func shape(of input: ONNXValue) -> [Int]? {
    guard let declared = input.shape?.dropFirst() else { return nil }
    let rest = declared.compactMap { if case .fixed(let length) = $0 { length } else { nil } }
    guard rest.count == declared.count, let count = Tensor.elementCount(of: rest), count > 0 else {
      return nil
    }
    return [1] + rest
  }

  /// What of a treatment changes how much is multiplied, chosen without a calibration; `nil` for none.
  private static func structure(_ treatment: Treatment) -> Treatment? {
    var result = Treatment()
    if let sparsity = treatment.sparsity, sparsity.pattern == .channels {
      result.sparsity = Sparsity(ratio: sparsity.ratio, pattern: .channels)
    }
    result.lowRank = treatment.lowRank.map { known in
      known.method?.needsCalibration ?? false ? LowRank(rank: known.rank) : known
    }
    result.structure = treatment.structure
    return result == .keep ? nil : result
  }
}
