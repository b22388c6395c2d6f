public import ViseFormats
public import ViseTensor

/// Puts a normalization behind each convolution for the time of training.
///
/// Folded normalizations make a network train slowly and only at small rates. Here each convolution
/// of float weights is given a normalization of its own, whose mean and variance are those of the
/// convolution's output on some images and whose scale and shift undo it, so that nothing changes
/// until training does. What `GraphModel.foldingNormalizations` makes of the result has the operations
/// of the graph before.
public struct NormalizationInsertion: Sendable {
  public let graph: TrainableGraph
  /// Names of the scales of the normalizations.
  public let scales: [String]
  /// By entry of `scales`, the moments on the images.
  private let moments: [BatchMoments]

  /// - Parameters:
  ///   - images: a batch in the shape of the graph's input.
  ///   - context: what the run on them works with.
  public init(_ graph: TrainableGraph, images: Tensor, context: GraphContext) throws {
    let positions = Self.convolutions(graph)
    let nodes = graph.model.graph.nodes
    let moments = try Self.moments(
      graph.model, values: positions.map { nodes[$0].outputs[0] }, images, context)
    var editor = GraphEditor(graph.model)
    var parameters = graph.parameters
    var scales: [String] = []
    for (position, moments) in zip(positions, moments) {
      let names = Self.insert(behind: position, moments, &editor)
      for name in [names.scale, names.shift] {
        guard let initial = editor.initializer(name)?.tensor else { continue }
        parameters.append(
          TrainableParameter(name: name, initial: initial, decays: false, storage: .floats))
      }
      scales.append(names.scale)
      // The batch's mean takes a bias away again.
      if nodes[position].inputs.count > 2 {
        parameters.removeAll { $0.name == nodes[position].inputs[2] }
      }
    }
    self.graph = TrainableGraph(
      model: editor.model, parameters: parameters, frozen: graph.frozen)
    self.scales = scales
    self.moments = moments
  }

  /// Copies of the moments of the normalizations with these scales.
  public func moments(in names: [String]) -> [BatchMoments] {
    names.compactMap { scales.firstIndex(of: $0) }.map { moments[$0].copy }
  }

  private static let epsilon: Float = 1e-5

  /// Positions of convolutions that take a normalization and give it back: nothing else reads their
  /// weights, and training may change these freely.
  private static func convolutions(_ graph: TrainableGraph) -> [Int] {
    let free = Set(graph.parameters.filter { !$0.isQuantized }.map(\.name))
    let readerCounts = graph.model.graph.readerCounts
    let outputs = Set(graph.model.graph.outputs.map(\.name))
    return graph.model.graph.nodes.indices.filter { index in
      let node = graph.model.graph.nodes[index]
      guard node.type == "Conv", node.domain.isEmpty, node.inputs.count >= 2,
        node.outputs.count == 1
      else { return false }
      let bias = node.inputs.count > 2 ? node.inputs[2] : ""
      return free.contains(node.inputs[1]) && readerCounts[node.inputs[1]] == 1
        && (bias.isEmpty || (free.contains(bias) && readerCounts[bias] == 1))
        && !outputs.contains(node.outputs[0])
    }
  }

  /// The moments of each channel of values of the graph.
  private static func moments(
    _ model: ONNXModel, values names: [String], _ images: Tensor, _ context: GraphContext
  ) throws -> [BatchMoments] {
    let program = try GraphProgram(model)
    let places = names.compactMap { program.value(named: $0) }
    let made = try program.run(
      [program.inputValues[0]: images], wanted: places, context: context)
    return try places.map { place in
      guard let x = made[place] else { throw GradientError.notAFunctionOfOneInput }
      let layout = ChannelLayout(x.shape)
      return layout.moments(of: x)
    }
  }

  private static func insert(
    behind position: Int, _ moments: BatchMoments, _ editor: inout GraphEditor
  ) -> (scale: String, shift: String) {
    let node = editor.nodes[position]
    let output = node.outputs[0]
    let inner = editor.name("\(output)/unnormalized")
    let deviations = moments.variance.values(Float.self).map { ($0 + epsilon).squareRoot() }
    func add(_ part: String, _ tensor: Tensor) -> String {
      editor.add("\(output)/\(part)") { ONNXTensor(name: $0, tensor) }
    }
    let scale = add("scale", Tensor([deviations.count], deviations))
    let shift = add("shift", moments.mean)
    let mean = add("mean", moments.mean)
    let variance = add("variance", moments.variance)
    editor.replaceNode(
      position,
      by: ONNXNode(
        name: node.name, type: node.type, inputs: node.inputs, outputs: [inner],
        attributes: node.attributes))
    editor.insert(
      [
        ONNXNode(
          name: "\(output)/normalization", type: "BatchNormalization",
          inputs: [inner, scale, shift, mean, variance], outputs: [output],
          attributes: ["epsilon": .float(epsilon)])
      ], after: position)
    return (scale, shift)
  }

  /// The graph's model with what training has come to, folded back into the convolutions.
  ///
  /// - Parameters:
  ///   - trained: in the order of `graph.parameters`.
  ///   - statistics: what the normalizations with the scales `names` take for mean and variance.
  public func model(
    with trained: [Tensor], statistics: [BatchMoments], of names: [String]
  ) throws -> ONNXModel {
    let model = try graph.model(with: trained)
    var editor = GraphEditor(model)
    let entries = Dictionary(
      zip(names, statistics).map { ($0, $1) }, uniquingKeysWith: { first, _ in first })
    for node in model.graph.nodes where node.type == "BatchNormalization" {
      guard let moments = entries[node.inputs[1]] else { continue }
      editor.replace(node.inputs[3], by: ONNXTensor(name: node.inputs[3], moments.mean))
      editor.replace(node.inputs[4], by: ONNXTensor(name: node.inputs[4], moments.variance))
    }
    return GraphModel(editor.model).foldingNormalizations().source
  }
}
