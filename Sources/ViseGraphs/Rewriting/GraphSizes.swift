import Synchronization
public import ViseCompression
import ViseFormats
import ViseTensor

/// The length of the ONNX file a plan exports to, from the messages that each site adds and takes away.
///
/// Weights are counted exactly; quantized inputs, whose operations layers share, and removed channels
/// are not, and `isExact` says so.
public final class GraphSizes: PlanSizing {
  private let sites: [GraphSite]
  private let nodes: [ONNXNode]
  private let constants: [String: ONNXTensor]
  private let file: ONNXFileSize
  private let opset: Int
  /// The version the operators have where a plan needs new ones.
  private let raisedOpset: Int
  private let path: String
  private let changes = Mutex<[Key: Change]>([:])

  private struct Key: Hashable {
    let site: Int
    let treatment: Treatment
    let opset: Int
  }

  private struct Change {
    /// Bytes that come to the graph.
    var added = 0
    /// Bytes of the site's values in the file.
    var stored = 0
  }

  /// Changes that are remembered.
  private static let keptChanges = 4096

  /// - Throws: `ONNXError` where the model cannot be written.
  public init(_ model: GraphModel) throws {
    sites = model.sites
    nodes = model.source.graph.nodes
    constants = Dictionary(
      model.source.graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }
    )
    path = model.source.path
    var editor = GraphEditor(model.source)
    file = try ONNXFileSize(editor.model)
    opset = editor.opset
    editor.raiseOpset(to: PlannedGraph.newOpset)
    raisedOpset = editor.opset
  }

  public func byteCount(of site: Site, under treatment: Treatment) -> Int {
    change(of: sites[site.index], treatment, opset: raisedOpset).stored
  }

  public func byteCount(of plan: Plan) -> Int {
    let opset = PlannedGraph.needsNewOperators(plan, sites) ? raisedOpset : opset
    let added = sites.reduce(0) { sum, site in
      guard let treatment = plan.change(of: site.site) else { return sum }
      return sum + change(of: site, treatment, opset: opset).added
    }
    return file.byteCount(adding: added)
  }

  public func isExact(_ plan: Plan) -> Bool {
    sites.allSatisfy { site in
      guard let treatment = plan.change(of: site.site) else { return true }
      return treatment.inputs == nil && !treatment.removesChannels && treatment.rowCut == nil
    }
  }

  private func change(of site: GraphSite, _ treatment: Treatment, opset: Int) -> Change {
    let key = Key(site: site.site.index, treatment: treatment, opset: opset)
    if let known = changes.withLock({ $0[key] }) { return known }
    let change = count(site, treatment, opset)
    changes.withLock { changes in
      if changes.count >= Self.keptChanges { changes.removeAll() }
      changes[key] = change
    }
    return change
  }

  private func count(_ site: GraphSite, _ treatment: Treatment, _ opset: Int) -> Change {
    guard let weight = constants[site.site.name] else { return Change() }
    var change = Change(stored: site.byteCount)
    let own = ONNXWriter.byteCount(of: weight)
    var node = nodes[site.node]
    if treatment.removesChannels || treatment.rowCut != nil {
      let small = treatment.reduced(site.site)
      change.stored =
        site.byteCount / max(site.site.parameterCount, 1) * small.rows * small.columns
      change.added = change.stored - site.byteCount
    } else if treatment.form != .whole,
      let layer = FactoredLayer(site, form: treatment.form, node: node, naming: { $0 })
    {
      change = factored(layer, treatment, opset)
      change.added -= own
      node = layer.outer
    } else if treatment.form == .whole, case .integer(let format)? = treatment.format,
      WeightStorage.misfit(format, of: site, opset: opset) == nil
    {
      change = coded(site, format, opset)
      change.added -= own
    }
    if treatment.correctsBias, let bias = site.site.bias, constants[bias] == nil {
      node = node.reading(node.inputs + [bias])
      change.added += ONNXWriter.byteCount(
        ofConstant: bias, type: .float32, shape: [site.site.rows])
    }
    change.added += byteCount(of: node) - byteCount(of: nodes[site.node])
    return change
  }

  /// Codes, scales and zeros, and the operation that reads them.
  private func coded(_ site: GraphSite, _ format: IntegerFormat, _ opset: Int) -> Change {
    let name = site.site.name
    let type = WeightStorage.elementType(format, opset: opset)
    var scales: [Int]
    switch format.granularity {
    case .tensor: scales = []
    case .channel: scales = [site.site.rows]
    case .group(let length):
      scales = [site.site.rows, site.site.columns / length]
      if site.isTransposed { scales.reverse() }
    }
    var parts: [(name: String, type: ElementType, shape: [Int])] = [
      ("\(name)/codes", type, site.shape), ("\(name)/scales", .float32, scales),
    ]
    if !format.isSymmetric { parts.append(("\(name)/zeros", type, scales)) }
    let decoder = WeightStorage.decoder(format, of: site, reading: parts.map(\.name))
    return parts.reduce(into: Change(added: byteCount(of: decoder))) { sum, part in
      sum.added += ONNXWriter.byteCount(ofConstant: part.name, type: part.type, shape: part.shape)
      sum.stored += (part.shape.reduce(1, *) * part.type.bitCount + 7) / 8
    }
  }

  /// The parts, coded where they can be, and the operations before the site's own.
  private func factored(_ layer: FactoredLayer, _ treatment: Treatment, _ opset: Int) -> Change {
    var sum = Change(added: layer.inner.reduce(0) { $0 + byteCount(of: $1) })
    for part in layer.parts {
      if case .integer(let format)? = treatment.format,
        WeightStorage.misfit(format, of: part, opset: opset) == nil
      {
        let codes = coded(part, format, opset)
        sum.added += codes.added
        sum.stored += codes.stored
      } else {
        sum.added += ONNXWriter.byteCount(
          ofConstant: part.site.name, type: .float32, shape: part.shape)
        sum.stored += part.byteCount
      }
    }
    for shape in layer.shapes {
      sum.added += ONNXWriter.byteCount(
        ofConstant: shape.name, type: .int64, shape: [shape.values.count])
    }
    return sum
  }

  /// A node that cannot be written makes the export fail, and its size is of no interest.
  private func byteCount(of node: ONNXNode) -> Int {
    (try? ONNXWriter.byteCount(of: node, path: path)) ?? 0
  }
}
