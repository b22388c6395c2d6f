import ViseFormats
import ViseTensor

extension GraphModel {
  /// The same function with normalizations inside the convolutions before them.
  ///
  /// A normalization of fixed means and variances is a factor γ/√(σ² + ε) and a shift a channel, which
  /// the filters and the bias of a convolution that nothing else reads can take (Krishnamoorthi,
  /// "Quantizing deep convolutional networks for efficient inference", 2018, section 3.2.2).
  /// Weights are read where there is something to fold.
  public func foldingNormalizations() -> GraphModel {
    let folding = NormalizationFolding(source)
    return folding.model.map(GraphModel.init) ?? self
  }
}

/// Finds normalizations that follow a convolution and folds them.
private struct NormalizationFolding {
  private let source: ONNXModel
  private var editor: GraphEditor
  private var makers: [String: Int] = [:]
  private var readerCounts: [String: Int] = [:]
  private var count = 0

  /// The changed graph; `nil` where nothing was folded.
  var model: ONNXModel? { count > 0 ? editor.model : nil }

  init(_ source: ONNXModel) {
    self.source = source
    editor = GraphEditor(source)
    for (index, node) in source.graph.nodes.enumerated() {
      for output in node.outputs { makers[output] = index }
    }
    readerCounts = source.graph.readerCounts
    for index in source.graph.nodes.indices { fold(index) }
  }

  private mutating func fold(_ position: Int) {
    let node = source.graph.nodes[position]
    guard let (factors, shifts) = scaling(node), let input = node.inputs.first,
      readerCounts[input] == 1, let maker = makers[input]
    else { return }
    let convolution = editor.nodes[maker]
    guard convolution.domain.isEmpty, convolution.type == "Conv", convolution.inputs.count >= 2,
      convolution.outputs == [input],
      let weight = vector(convolution.inputs[1], rows: factors.count)
    else { return }
    let biasName = convolution.inputs.count > 2 ? convolution.inputs[2] : ""
    let bias = biasName.isEmpty ? nil : vector(biasName, rows: factors.count)
    guard biasName.isEmpty || bias != nil else { return }
    let length = weight.count / max(factors.count, 1)
    let values = weight.values(Float.self)
    editor.replace(
      convolution.inputs[1],
      by: ONNXTensor(
        name: convolution.inputs[1],
        Tensor(weight.shape, values.indices.map { values[$0] * factors[$0 / length] })))
    let old = bias?.values(Float.self) ?? [Float](repeating: 0, count: factors.count)
    let sums = Tensor([old.count], old.indices.map { old[$0] * factors[$0] + shifts[$0] })
    let name: String
    if biasName.isEmpty {
      name = editor.add("\(convolution.inputs[1])/bias") { ONNXTensor(name: $0, sums) }
    } else {
      name = biasName
      editor.replace(name, by: ONNXTensor(name: name, sums))
    }
    editor.replaceNode(
      maker,
      by: ONNXNode(
        name: convolution.name, domain: convolution.domain, type: convolution.type,
        inputs: [convolution.inputs[0], convolution.inputs[1], name],
        outputs: [node.outputs[0]], attributes: convolution.attributes))
    makers[node.outputs[0]] = maker
    editor.removeNode(position)
    for parameter in node.inputs.dropFirst() where !editor.isRead(parameter) {
      editor.remove(parameter)
    }
    count += 1
  }

  /// Floats of `rows` rows that one operation alone reads.
  private func vector(_ name: String, rows: Int) -> Tensor? {
    guard readerCounts[name] == 1, let tensor = editor.initializer(name)?.tensor,
      tensor.type == .float32, tensor.shape.first == rows, rows > 0
    else { return nil }
    return tensor
  }

  /// What a normalization does to each channel; `nil` where that is not fixed.
  private func scaling(_ node: ONNXNode) -> (factors: [Float], shifts: [Float])? {
    guard node.domain.isEmpty, node.type == "BatchNormalization", node.inputs.count == 5,
      node.outputs.filter({ !$0.isEmpty }).count == 1, node.outputs.first?.isEmpty == false,
      (node.intAttribute("training_mode") ?? 0) == 0, (node.intAttribute("spatial") ?? 1) == 1,
      source.opsets[""] ?? 1 >= 7
    else { return nil }
    let parameters = node.inputs.dropFirst().compactMap { name -> [Double]? in
      guard let tensor = editor.initializer(name)?.tensor, tensor.type == .float32,
        tensor.rank == 1
      else { return nil }
      return tensor.values(Float.self).map(Double.init)
    }
    guard parameters.count == 4, parameters.allSatisfy({ $0.count == parameters[0].count }) else {
      return nil
    }
    let epsilon = Double(node.floatAttribute("epsilon") ?? 1e-5)
    let (scale, bias, mean, variance) = (
      parameters[0], parameters[1], parameters[2], parameters[3]
    )
    let factors = scale.indices.map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
    let shifts = scale.indices.map { bias[$0] - mean[$0] * factors[$0] }
    guard factors.allSatisfy(\.isFinite), shifts.allSatisfy(\.isFinite) else { return nil }
    return (factors.map { Float($0) }, shifts.map { Float($0) })
  }
}

extension ONNXGraph {
  /// How often each value is read; more than once what leaves the graph or graphs inside it read.
  var readerCounts: [String: Int] {
    var counts: [String: Int] = [:]
    for node in nodes {
      for input in node.inputs { counts[input, default: 0] += 1 }
      for case .graph(let inner) in node.attributes.values {
        for name in inner.readerCounts.keys { counts[name, default: 0] += 2 }
      }
    }
    for output in outputs { counts[output.name, default: 0] += 2 }
    return counts
  }
}
