public import ViseCompression
import ViseFormats
public import ViseTensor

/// A prior of how long plans of a graph take beside the graph as loaded, by `GraphCost.time`, and the
/// multiplications they take, exactly.
///
/// The graph is run once, for the shapes inside; plans are not. What formats do to the time of integer
/// kernels is not known to it.
public struct GraphTimePrior: Sendable {
  private let whole: GraphCost
  private let layers: [GraphLayerWork]

  /// - Parameter input: one image, or whatever a run of the model reads.
  public init(_ model: GraphModel, input: Tensor, context: GraphContext) throws {
    whole = try GraphCost(model.source, input: input, context: context)
    let program = try GraphProgram(model.source)
    var nodes: [String: (node: GraphNode, x: Int)] = [:]
    for node in program.graph.nodes {
      guard ["Conv", "Gemm", "MatMul"].contains(node.type),
        let operands = GraphCost.operands(of: node)
      else { continue }
      nodes[program.graph.valueNames[operands.weight]] = (node, operands.x)
    }
    let values = nodes.values.flatMap { [$0.x, $0.node.outputs[0]] }
    let made = try program.run(
      [program.inputValues[0]: input], wanted: values, context: context)
    layers = model.sites.compactMap { site in
      guard let (node, x) = nodes[site.site.name], let read = made[x],
        let output = made[node.outputs[0]], site.site.rows > 0
      else { return nil }
      var (group, kernel) = (1, 1)
      if case .int(let value)? = node.attributes["group"] { group = Int(value) }
      if node.type == "Conv" { kernel = max(site.shape.dropFirst(2).reduce(1, *), 1) }
      let channels = site.site.columns / kernel * group
      return GraphLayerWork(
        site: site.site, kernel: kernel,
        isVectored: GraphCost.isVectored(node) && site.shape.count > 2,
        isGrouped: group > 1, outputs: output.count / site.site.rows,
        inputs: read.count * group / max(channels, 1),
        strides: zip(read.shape.dropFirst(2), output.shape.dropFirst(2)).map {
          Double($0) / Double(max($1, 1))
        })
    }
  }

  /// The plan's time as a multiple of the model's.
  public func ratio(of plan: Plan) -> Double {
    let change = layers.reduce(0) { sum, layer in
      plan.change(of: layer.site).map { sum + layer.time(under: $0) - layer.time } ?? sum
    }
    return Double(whole.time + change) / Double(max(whole.time, 1))
  }

  /// Multiplications with an addition that the plan takes for the input, as `GraphCost` counts them.
  public func macs(of plan: Plan) -> Int {
    layers.reduce(whole.macs) { sum, layer in
      plan.change(of: layer.site).map { sum + layer.macs(under: $0) - layer.macs } ?? sum
    }
  }

  /// Those of the model as loaded.
  public var macs: Int { whole.macs }
}
