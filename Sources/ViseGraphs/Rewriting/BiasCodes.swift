import ViseCompression
import ViseFormats
import ViseTensor

/// The bias of a layer whose weight and input are codes, as 32-bit integers on the grid of its sums.
///
/// Integer kernels add it before they scale: bias ≈ q · s_x · s_w, s_x the input's scale and s_w the
/// weight's of the channel (Jacob et al., "Quantization and Training of Neural Networks for Efficient
/// Integer-Arithmetic-Only Inference", 2018, section 2.4).
struct BiasCodes {
  let site: GraphSite
  let inputScale: Float

  /// Replaces the constant, where weight and bias have the forms for it.
  func insert(into editor: inout GraphEditor) {
    let (name, node) = (site.site.name, editor.nodes[site.node])
    guard node.type == "Conv" || node.type == "Gemm", node.inputs.count > 2,
      node.inputs[1] == name,
      ["alpha", "beta"].allSatisfy({ (node.floatAttribute($0) ?? 1) == 1 }),
      editor.initializer(name) == nil, editor.initializer("\(name)/zeros") == nil,
      let weightScales = editor.initializer("\(name)/scales")?.tensor, weightScales.rank < 2
    else { return }
    let bias = node.inputs[2]
    guard let tensor = editor.initializer(bias)?.tensor, tensor.type == .float32,
      tensor.shape == [site.site.rows], editor.readCount(bias) == 1
    else { return }
    let given = weightScales.values(Float.self)
    let scales = (0..<tensor.count).map { inputScale * given[weightScales.rank == 0 ? 0 : $0] }
    let codes = zip(tensor.values(Float.self), scales).map { value, scale in
      Int32(exactly: (Double(value) / Double(scale)).rounded())
    }
    let integers = codes.compactMap { $0 }
    // A scale near zero leaves sums no grid that reaches the bias.
    guard integers.count == codes.count else { return }
    let stored = editor.add("\(bias)/codes") {
      ONNXTensor(name: $0, Tensor([integers.count], integers))
    }
    let grid = editor.add("\(bias)/scales") { ONNXTensor(name: $0, Tensor([scales.count], scales)) }
    editor.remove(bias)
    editor.insertFirst(
      ONNXNode(
        name: "\(bias)/dequantize", type: "DequantizeLinear", inputs: [stored, grid],
        outputs: [bias], attributes: ["axis": .int(0)]))
  }
}
