import ViseCompression
import ViseFormats
import ViseTensor

/// The operations and weights that take the place of a layer whose weight is split into parts.
struct FactoredLayer {
  /// A part as a weight of its own, in the order of the form's parts.
  let parts: [GraphSite]
  /// Operations that come before the layer's own.
  let inner: [ONNXNode]
  /// What the layer's own becomes.
  let outer: ONNXNode
  /// Constants that hold shapes.
  var shapes: [(name: String, values: [Int64])] = []
  /// Whether `inner` makes the weight of its parts as the model is loaded, once; else what it does takes
  /// fewer multiplications than the weight's.
  let isMadeOnLoading: Bool

  /// - Parameters:
  ///   - node: the operation that reads the weight.
  ///   - naming: makes a name of its own of one that is wished for.
  init?(
    _ site: GraphSite, form: SiteForm, node: ONNXNode, naming: @escaping (String) -> String
  ) {
    let parts = form.parts(of: site.site.shape)
    guard site.type == .float32, parts.count > 1 else { return nil }
    if site.place == 1, node.type == "Conv",
      let stages = FilterStage.stages(of: form, site.site.shape)
    {
      self.init(site, stages, parts, node, naming)
    } else if case .lowRank = form, Self.isProduct(node, site) {
      self.init(site, parts, splitting: node, naming)
    } else if let product = WeightProduct(site, form: form, naming: naming) {
      self.init(product, node)
    } else {
      return nil
    }
  }

  private static func isProduct(_ node: ONNXNode, _ site: GraphSite) -> Bool {
    guard site.place == 1 else { return false }
    return node.type == "MatMul"
      || node.type == "Gemm" && (node.intAttribute("transA") ?? 0) == 0
  }

  /// Operations on constants, and the layer's own as it was.
  private init(_ product: WeightProduct, _ node: ONNXNode) {
    parts = product.parts
    inner = product.nodes
    shapes = product.shapes
    outer = node
    isMadeOnLoading = true
  }

  /// Convolutions one after the other; the last has the bias.
  private init(
    _ site: GraphSite, _ stages: [FilterStage], _ parts: [SiteForm.Part], _ node: ONNXNode,
    _ naming: (String) -> String
  ) {
    let name = site.site.name
    var made: [String: GraphSite] = [:]
    var nodes: [ONNXNode] = []
    var value = node.inputs[0]
    for (index, stage) in stages.enumerated() {
      let part = site.part(
        naming("\(name)/\(stage.part)"), stage.isDepthwise ? .depthwiseConvolution : .convolution,
        rows: stage.filters, columns: stage.channels * stage.window.reduce(1, *),
        shape: [stage.filters, stage.channels] + stage.window)
      made[stage.part] = part
      let isLast = index == stages.count - 1
      let output = isLast ? node.outputs : [naming("\(name)/\(stage.part)/value")]
      nodes.append(
        ONNXNode(
          name: isLast ? node.name : output[0], domain: node.domain, type: node.type,
          inputs: [value, part.site.name] + (isLast ? Array(node.inputs.dropFirst(2)) : []),
          outputs: output, attributes: stage.attributes(of: node)))
      value = output[0]
    }
    self.parts = parts.compactMap { made[$0.name] }
    inner = nodes.dropLast()
    outer = nodes[nodes.count - 1]
    isMadeOnLoading = false
  }

  /// Two products; what scales or shifts the outputs belongs to the second.
  private init(
    _ site: GraphSite, _ parts: [SiteForm.Part], splitting node: ONNXNode,
    _ naming: (String) -> String
  ) {
    let name = site.site.name
    self.parts = parts.map { part in
      site.part(
        naming("\(name)/\(part.name)"), .linear, rows: part.rows, columns: part.columns,
        shape: site.isTransposed ? [part.columns, part.rows] : [part.rows, part.columns],
        isTransposed: site.isTransposed)
    }
    let middle = naming("\(name)/inner")
    var attributes = node.attributes
    for key in ["alpha", "beta"] { attributes[key] = nil }
    inner = [
      ONNXNode(
        name: middle, domain: node.domain, type: node.type,
        inputs: [node.inputs[0], self.parts[1].site.name], outputs: [middle],
        attributes: attributes)
    ]
    outer = node.reading([middle, self.parts[0].site.name] + node.inputs.dropFirst(2))
    isMadeOnLoading = false
  }
}

extension GraphSite {
  /// A weight that this one is made of.
  func part(
    _ name: String, _ role: SiteRole, rows: Int, columns: Int, shape: [Int],
    isTransposed: Bool = false
  ) -> GraphSite {
    GraphSite(
      site: Site(
        index: site.index, name: name, role: role, block: nil, rows: rows, columns: columns,
        stored: .f32, unformatted: .f32),
      shape: shape, type: .float32, isTransposed: isTransposed,
      byteCount: rows * columns * 4, node: node, place: place)
  }
}
