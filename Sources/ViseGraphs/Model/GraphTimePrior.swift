public import ViseCompression
import ViseFormats
public import ViseTensor

/// A prior of how long plans of a graph take beside the graph as loaded, by `GraphCost.time`.
///
/// The graph is run once, for the shapes inside; plans are not. What formats do to the time of integer
/// kernels is not known to it.
public struct GraphTimePrior: Sendable {
  /// A convolution or product whose weight is a site.
  private struct Layer: Sendable {
    let site: Site
    /// Elements of a kernel; 1 of products.
    let kernel: Int
    /// Whether channels are in vectors: a convolution of one group.
    let isVectored: Bool
    /// Groups go with their filters.
    let isGrouped: Bool
    /// Outputs of one filter, and inputs that go with one channel of each group.
    let outputs: Int
    let inputs: Int
    /// Of a convolution, how much fewer places its outputs have along each dimension.
    let strides: [Double]

    func time(rows: Int, columns: Int, kernel: Int, inputs: Int) -> Int {
      guard isVectored else {
        return GraphCost.time(
          macs: rows * columns * outputs,
          floats: columns / kernel * inputs * (isGrouped ? rows : 1) / (isGrouped ? site.rows : 1)
            + rows * outputs)
      }
      let (filters, channels) = (
        GraphCost.whole(rows), GraphCost.wholeInputs(columns / kernel)
      )
      return GraphCost.time(
        macs: filters * channels * kernel * outputs,
        floats: channels * inputs + filters * outputs)
    }

    /// As the file has it.
    var time: Int { time(rows: site.rows, columns: site.columns, kernel: kernel, inputs: inputs) }

    func time(under treatment: Treatment) -> Int {
      let small = treatment.reduced(site)
      if isVectored, let stages = FilterStage.stages(of: treatment.form, small.shape) {
        return time(of: stages)
      }
      guard !isVectored, case .lowRank(let rank) = treatment.form else {
        return time(rows: small.rows, columns: small.columns, kernel: kernel, inputs: inputs)
      }
      return time(rows: rank, columns: small.columns, kernel: kernel, inputs: inputs)
        + time(rows: small.rows, columns: rank, kernel: 1, inputs: outputs)
    }

    /// Of convolutions one after the other, each of which makes as many places as the dimensions along
    /// which it strides leave.
    private func time(of stages: [FilterStage]) -> Int {
      var places = Double(inputs)
      var sum = 0
      for stage in stages {
        let read = Int(places)
        for (stride, isOwn) in zip(strides, stage.axes) where isOwn { places /= stride }
        let made = Int(places.rounded())
        let window = stage.window.reduce(1, *)
        guard !stage.isDepthwise else {
          sum += GraphCost.time(
            macs: stage.filters * window * made, floats: stage.filters * (read + made))
          continue
        }
        let (filters, channels) = (
          GraphCost.whole(stage.filters), GraphCost.wholeInputs(stage.channels)
        )
        sum += GraphCost.time(
          macs: filters * channels * window * made, floats: channels * read + filters * made)
      }
      return sum
    }
  }

  private let whole: Int
  private let layers: [Layer]

  /// - Parameter input: one image, or whatever a run of the model reads.
  public init(_ model: GraphModel, input: Tensor, context: GraphContext) throws {
    whole = try GraphCost(model.source, input: input, context: context).time
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
      return Layer(
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
    return Double(whole + change) / Double(max(whole, 1))
  }
}
