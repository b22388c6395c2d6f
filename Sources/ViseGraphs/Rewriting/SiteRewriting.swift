import ViseCompression
import ViseFormats
import ViseTensor

/// Puts what a treatment makes of one site into a graph.
struct SiteRewriting {
  /// In the shape it is stored in.
  let site: GraphSite
  let weight: Matrix
  let treatment: Treatment
  let weights: GraphWeights
  /// Of the inputs that remain.
  let calibration: (any CalibrationSource)?
  /// Of all inputs.
  let ranges: ValueRanges
  let work: RowWork

  private var name: String { site.site.name }

  /// Changes the graph; says where the weight is stored otherwise than its format asks.
  func apply(
    to editor: inout GraphEditor, _ quantized: inout QuantizedValues
  ) throws -> PlannedGraph.Note? {
    var note: PlannedGraph.Note?
    // Before the weight may become two layers, of which the first reads the input.
    if let format = treatment.inputs { try quantizeInput(format, &editor, &quantized) }
    let changesWeight =
      treatment.format != nil || treatment.sparsity != nil || treatment.form != .whole
      || treatment.rowCut != nil
    if changesWeight {
      note = try replaceWeight(&editor)
    }
    let input = editor.nodes[site.node].inputs[site.place == 0 ? 1 : 0]
    if let scale = quantized.scale(behind: input) {
      BiasCodes(site: site, inputScale: scale).insert(into: &editor)
    }
    return note
  }

  private func replaceWeight(_ editor: inout GraphEditor) throws -> PlannedGraph.Note? {
    let stored = try weights.compressed(
      weight, of: site, under: treatment, calibration: calibration, work: work)
    let storage = WeightStorage(site: site, stored: stored)
    var reason = storage.misfit(opset: editor.opset)
    let values: Matrix
    if let factors = FactorStorage(stored, of: site, in: &editor) {
      let parts = try factors.insert(into: &editor, work: work)
      values = try stored.form.product(parts.values, of: stored.shape, work: work)
      reason = treatment.format == nil ? nil : parts.reason
    } else if reason == nil {
      values = try storage.insert(into: &editor)
    } else {
      values = try stored.values(work: work)
      let tensor = try weights.tensor(of: site, values)
      editor.replace(name, by: ONNXTensor(name: name, tensor))
    }
    if treatment.correctsBias { try correctBias(values, &editor) }
    guard let reason, treatment.format != nil || treatment.form != .whole else { return nil }
    return PlannedGraph.Note(
      site: name, asked: treatment.name, used: site.type.name, reason: reason)
  }

  /// Adds what the outputs lack on average to the layer's bias.
  private func correctBias(_ values: Matrix, _ editor: inout GraphEditor) throws {
    guard site.site.role != .depthwiseConvolution else {
      throw CompressionError.unsuitable("means of the inputs are not known channel by channel")
    }
    guard let mean = try calibration?.statistics(of: site.site)?.mean else {
      throw CompressionError.needsCalibration(method: "bias=correct")
    }
    let correction = BiasCorrection.correction(weight: weight, decoded: values, mean: mean)
    guard let bias = site.site.bias else {
      throw CompressionError.unsuitable("the layer has no bias that could be corrected")
    }
    guard let stored = editor.initializer(bias) else {
      let name = editor.add(bias) { ONNXTensor(name: $0, Tensor([correction.count], correction)) }
      let node = editor.nodes[site.node]
      editor.replaceNode(site.node, by: node.reading(node.inputs + [name]))
      return
    }
    let node = editor.nodes[site.node]
    guard let old = stored.tensor, old.type == .float32, old.count == correction.count,
      node.attributes["beta"] == nil || node.floatAttribute("beta") == 1,
      node.attributes["alpha"] == nil || node.floatAttribute("alpha") == 1
    else { throw CompressionError.unsuitable("its bias is not one number an output") }
    let sum = zip(old.values(Float.self), correction).map { $0 + $1 }
    editor.replace(bias, by: ONNXTensor(name: bias, Tensor(old.shape, sum)))
  }

  /// Lets the layer read its input through codes.
  private func quantizeInput(
    _ format: InputFormat, _ editor: inout GraphEditor, _ quantized: inout QuantizedValues
  ) throws {
    let node = editor.nodes[site.node]
    let place = site.place == 0 ? 1 : 0
    guard site.type == .float32 else {
      throw CompressionError.unsuitable("inputs of \(site.type.name) layers are not quantized")
    }
    var inputs = node.inputs
    inputs[place] = try quantized.dequantized(inputs[place], format, &editor) {
      guard let range = try ranges.range(of: node.inputs[place]) else {
        throw CompressionError.needsCalibration(method: "inputs=\(format.name)")
      }
      return range
    }
    editor.replaceNode(site.node, by: node.reading(inputs))
  }
}

extension ONNXNode {
  /// The same operation on other inputs.
  func reading(_ inputs: [String]) -> ONNXNode {
    ONNXNode(
      name: name, domain: domain, type: type, inputs: inputs, outputs: outputs,
      attributes: attributes)
  }

  func floatAttribute(_ name: String) -> Float? {
    if case .float(let value) = attributes[name] { value } else { nil }
  }
}
