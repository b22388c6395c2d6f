public import ViseCompression
public import ViseFormats
public import ViseTensor

/// A model as a plan leaves it: the graph that is measured and the graph that is exported.
///
/// Weights in symmetric or asymmetric integers become codes behind a DequantizeLinear, quantized
/// inputs a QuantizeLinear and a DequantizeLinear, other formats the floats they decode to. Sums
/// between layers that read bytes add bytes, and the biases of layers of bytes are integers. Values the
/// plan does not touch keep their names.
public struct PlannedGraph: Sendable {
  public let model: ONNXModel
  /// Weights the plan changes, by their names in the file.
  public let changed: Set<String>
  /// What could not be stored as asked, in the order of the sites.
  public let notes: [Note]

  /// A site that is stored otherwise than its format says; its values are those of the format.
  public struct Note: Hashable, Sendable {
    public let site: String
    public let asked: String
    public let used: String
    public let reason: String
  }

  /// Applies `plan` to `model`.
  ///
  /// - Parameter calibration: statistics of the sites' inputs, where the plan needs them.
  /// - Throws: `CompressionError`, `GraphError`, `CancelledError`, and what the calibration throws.
  public init(
    _ model: GraphModel, plan: Plan, calibration: (any CalibrationSource)? = nil, work: RowWork
  ) throws {
    var editor = GraphEditor(model.source)
    let weights = GraphWeights(model)
    var changed = Set<String>()
    var notes: [Note] = []
    if Self.needsNewOperators(plan, model.sites) { editor.raiseOpset(to: Self.newOpset) }
    var reduction = ChannelReduction(model, weights, calibration, work)
    var quantized = QuantizedValues(model.source.graph)
    let ranges = ValueRanges(model, calibration)
    for site in model.sites {
      guard let treatment = plan.change(of: site.site) else { continue }
      try work.cancellation.check()
      changed.insert(site.site.name)
      let reduced = try reduction.reduce(site, treatment, &editor)
      let rewriting = SiteRewriting(
        site: reduced.site, weight: reduced.weight, treatment: treatment, weights: weights,
        calibration: reduced.calibration, ranges: ranges, work: work)
      if let note = try rewriting.apply(to: &editor, &quantized) { notes.append(note) }
    }
    try QuantizedSums(model.source.graph).apply(to: &editor, &quantized, ranges)
    self.model = editor.model
    self.changed = changed
    self.notes = notes
  }

  /// The same plan where training has changed the constants `names`; `model` holds them.
  public func trained(_ model: ONNXModel, constants names: some Sequence<String>) -> PlannedGraph {
    PlannedGraph(model: model, changed: changed.union(names), notes: notes)
  }

  private init(model: ONNXModel, changed: Set<String>, notes: [Note]) {
    self.model = model
    self.changed = changed
    self.notes = notes
  }

  /// The version of the operators that codes of 4 bits and scales a group came with.
  static let newOpset = 21

  /// Whether `plan` stores something that needs `newOpset`.
  static func needsNewOperators(_ plan: Plan, _ sites: [GraphSite]) -> Bool {
    sites.contains { site in
      guard case .integer(let format)? = plan.change(of: site.site)?.format else { return false }
      if case .group = format.granularity { return true }
      return format.bits <= 4
    }
  }
}
