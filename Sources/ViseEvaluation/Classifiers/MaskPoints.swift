import ViseFormats
import ViseGraphs

/// Where the outputs of convolutions can be masked.
///
/// A mask follows the activation that alone reads a convolution's output, as in the paper; where a
/// residual sum reads it, it masks what goes into the sum.
struct MaskPoints {
  struct Point: Sendable {
    /// The first value the convolution makes, by which its MACs are known.
    let convolution: String
    /// The value it reads.
    let input: String
    /// The value that is masked.
    let value: String
    /// The masked value whose channels it reads; `nil` where these are not masked, or where each
    /// output reads but some of them.
    let source: String?
  }

  /// In the order of the file's operations, in which ONNX has values made before they are read.
  let points: [Point]

  private static let activations: Set<String> = [
    "Relu", "LeakyRelu", "PRelu", "Clip", "Elu", "Gelu", "HardSwish",
  ]
  /// Through which channels of zeros stay zero.
  private static let passing: Set<String> = [
    "MaxPool", "AveragePool", "Identity", "Dropout",
  ]

  init(_ graph: ONNXGraph) {
    var readers: [String: [ONNXNode]] = [:]
    var makers: [String: ONNXNode] = [:]
    for node in graph.nodes {
      for input in node.inputs { readers[input, default: []].append(node) }
      for output in node.outputs { makers[output] = node }
    }
    let outputs = Set(graph.outputs.map(\.name))
    var masked = Set<String>()
    var points: [Point] = []
    for node in graph.nodes where node.type == "Conv" && node.domain.isEmpty {
      guard let output = node.outputs.first, !outputs.contains(output),
        let alone = readers[output], let input = node.inputs.first
      else { continue }
      var value = output
      if alone.count == 1, Self.activations.contains(alone[0].type),
        let active = alone[0].outputs.first, !outputs.contains(active)
      {
        value = active
      }
      var source = input
      while !masked.contains(source), let maker = makers[source],
        Self.passing.contains(maker.type), let before = maker.inputs.first
      {
        source = before
      }
      let isGrouped = node.attributes["group"].map { if case .int(1) = $0 { false } else { true } }
      points.append(
        Point(
          convolution: output, input: input, value: value,
          source: masked.contains(source) && isGrouped != true ? source : nil))
      masked.insert(value)
    }
    self.points = points
  }
}
