import ViseCompression
import ViseFormats
import ViseTensor

/// Makes the layers of a graph smaller by the channels that a plan removes.
///
/// The choice is made once for the layer that reads the channels; with statistics of its inputs the
/// weights that remain are refitted to the outputs.
struct ChannelReduction {
  private let model: GraphModel
  private let weights: GraphWeights
  private let calibration: (any CalibrationSource)?
  private let work: RowWork
  private let factors = InputFactorCache()
  private let channels: GraphChannels
  private var selections: [String: ChannelSelection] = [:]

  init(
    _ model: GraphModel, _ weights: GraphWeights, _ calibration: (any CalibrationSource)?,
    _ work: RowWork
  ) {
    self.model = model
    self.weights = weights
    self.calibration = calibration
    self.work = work
    channels = GraphChannels(model.source.graph, model.sites)
  }

  /// A site in the shape a plan leaves it.
  struct Reduced {
    let site: GraphSite
    let weight: Matrix
    let calibration: (any CalibrationSource)?
  }

  /// What remains of `site`; the constants and operations beside it are cut in `editor`.
  mutating func reduce(
    _ site: GraphSite, _ treatment: Treatment, _ editor: inout GraphEditor
  ) throws -> Reduced {
    guard treatment.removesChannels else {
      return Reduced(site: site, weight: try weights.matrix(of: site), calibration: calibration)
    }
    if let problem = treatment.problem(for: site.site) {
      throw CompressionError.unsuitable("\(site.site.name): \(problem)")
    }
    guard !treatment.correctsBias else {
      throw CompressionError.unsuitable("bias=correct and channels that go exclude each other")
    }
    var weight = try weights.matrix(of: site)
    var statistics = calibration
    var shape = site.shape
    if let sparsity = treatment.sparsity, sparsity.pattern == .channels {
      let selection = try selection(of: site, sparsity)
      weight = try pruning(of: site, sparsity).values(of: weight, selection)
      statistics = calibration.map {
        CutCalibration(base: $0, site: site.site, kept: selection.kept)
      }
      let count = selection.kept.count / (site.site.channels?.unit ?? 1)
      shape[site.isTransposed ? 0 : 1] = count
      cutNeighbours(site.site.name, selection, &editor)
    }
    if let cut = treatment.rowCut {
      guard let leader = model.sites.first(where: { $0.site.name == cut.link.leader }) else {
        throw CompressionError.unsuitable("the layer that reads its channels is gone")
      }
      weight = weight.rows(at: try selection(of: leader, cut.sparsity).rows(of: cut.link))
      shape[site.isTransposed ? 1 : 0] = weight.rows
    }
    return Reduced(
      site: site.replacing(treatment.reduced(site.site), shape: shape), weight: weight,
      calibration: statistics)
  }

  private mutating func selection(
    of leader: GraphSite, _ sparsity: Sparsity
  ) throws -> ChannelSelection {
    if let known = selections[leader.site.name] { return known }
    let made = try pruning(of: leader, sparsity)
      .selection(of: try weights.matrix(of: leader), work: work)
    selections[leader.site.name] = made
    return made
  }

  private func pruning(of leader: GraphSite, _ sparsity: Sparsity) throws -> ChannelPruning {
    guard let group = leader.site.channels else {
      throw CompressionError.unsuitable("\(leader.site.name) has no channels that could go")
    }
    let makers = channels.groups[leader.site.name]?.makers ?? []
    let (model, weights) = (model, weights)
    return ChannelPruning(
      sparsity: sparsity, group: group, statistics: try calibration?.statistics(of: leader.site),
      factors: factors,
      incoming: {
        try model.sites.filter { makers.contains($0.site.name) }.map { try weights.matrix(of: $0) }
      })
  }

  /// Cuts biases, normalizations and the groups of depthwise convolutions to what remains.
  private func cutNeighbours(
    _ leader: String, _ selection: ChannelSelection, _ editor: inout GraphEditor
  ) {
    guard let group = channels.groups[leader] else { return }
    let link = ChannelLink(leader: leader, group: group.channels, rowsPerUnit: 1)
    let kept = selection.rows(of: link)
    for name in group.vectors {
      guard let values = editor.initializer(name)?.tensor?.values(Float.self) else { continue }
      editor.replace(
        name, by: ONNXTensor(name: name, Tensor([kept.count], kept.map { values[$0] })))
    }
    for position in group.depthwise {
      let node = editor.nodes[position]
      var attributes = node.attributes
      attributes["group"] = .int(Int64(kept.count))
      editor.replaceNode(
        position,
        by: ONNXNode(
          name: node.name, domain: node.domain, type: node.type, inputs: node.inputs,
          outputs: node.outputs, attributes: attributes))
    }
  }
}

/// The statistics of a site of which some input channels are gone.
private struct CutCalibration: CalibrationSource {
  let base: any CalibrationSource
  let site: Site
  let kept: [Int]

  var identity: String { "\(base.identity) \(kept)" }

  func statistics(of site: Site) throws -> SiteCalibration? {
    guard let whole = try base.statistics(of: self.site) else { return nil }
    return SiteCalibration(
      tokenCount: whole.tokenCount,
      secondMoment: whole.secondMoment.rows(at: kept).columns(at: kept),
      mean: kept.map { whole.mean[$0] }, minimum: kept.map { whole.minimum[$0] },
      maximum: kept.map { whole.maximum[$0] })
  }
}
