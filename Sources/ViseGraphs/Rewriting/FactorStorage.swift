import ViseCompression
import ViseFormats
import ViseTensor

/// A weight of low rank as two operations of the graph's own: fewer products, not only fewer bytes.
///
/// A convolution W = L·R over its windows becomes one with R's rows as filters, then one of 1 × 1
/// with L (Zhang et al., "Accelerating Very Deep Convolutional Networks for Classification and
/// Detection", 2015, section 3.1); a linear layer becomes two.
struct FactorStorage {
  let site: GraphSite
  /// Outputs × rank.
  let left: Matrix
  /// Rank × inputs.
  let right: Matrix

  private var name: String { site.site.name }

  /// Why the layer cannot be split, or `nil` where it can.
  func misfit(_ node: ONNXNode) -> String? { Self.misfit(node, of: site) }

  static func misfit(_ node: ONNXNode, of site: GraphSite) -> String? {
    guard site.type == .float32 else { return "its product of \(site.type.name) is stored" }
    switch node.type {
    case "Conv" where (node.intAttribute("group") ?? 1) == 1: return nil
    case "MatMul" where site.place == 1: return nil
    case "Gemm" where site.place == 1 && (node.intAttribute("transA") ?? 0) == 0: return nil
    default: return "the product of its factors is stored"
    }
  }

  /// Replaces the site's operation by two.
  func insert(into editor: inout GraphEditor) {
    let first = add("right", right, &editor)
    let second = add("left", left, &editor)
    let (inner, outer) = Self.split(
      editor.nodes[site.node], of: site, first, second, middle: editor.name("\(name)/inner"))
    editor.insert([inner], before: site.node)
    editor.replaceNode(site.node, by: outer)
    if !editor.isRead(name) { editor.remove(name) }
  }

  /// The two operations that take the place of `node`, with the weights `first` and `second`.
  static func split(
    _ node: ONNXNode, of site: GraphSite, _ first: String, _ second: String, middle: String
  ) -> (inner: ONNXNode, outer: ONNXNode) {
    var attributes = node.attributes
    // What scales or shifts the outputs belongs to the second.
    for key in ["alpha", "beta"] { attributes[key] = nil }
    let inner = ONNXNode(
      name: middle, domain: node.domain, type: node.type, inputs: [node.inputs[0], first],
      outputs: [middle], attributes: attributes)
    var outer = node.attributes
    if node.type == "Conv" {
      outer = outer.filter { $0.key == "group" }
      outer["kernel_shape"] = .ints([Int64](repeating: 1, count: site.shape.count - 2))
    }
    let last = ONNXNode(
      name: node.name, domain: node.domain, type: node.type,
      inputs: [middle, second] + node.inputs.dropFirst(2), outputs: node.outputs,
      attributes: outer)
    return (inner, last)
  }

  /// The shape in the file of the factor called `part`, a matrix of `rows` × `columns`.
  static func shape(_ part: String, of site: GraphSite, rows: Int, columns: Int) -> [Int] {
    guard site.shape.count > 2 else {
      return site.isTransposed ? [columns, rows] : [rows, columns]
    }
    return [rows]
      + (part == "right"
        ? Array(site.shape[1...])
        : [columns] + [Int](repeating: 1, count: site.shape.count - 2))
  }

  private func add(_ part: String, _ values: Matrix, _ editor: inout GraphEditor) -> String {
    let shape = Self.shape(part, of: site, rows: values.rows, columns: values.columns)
    let stored = site.isTransposed ? values.transposed() : values
    return editor.add("\(name)/\(part)") { name in
      let tensor = Tensor(.float32, shape)
      withExtendedLifetime(stored) {
        tensor.pointer(Float.self).update(from: stored.pointer, count: tensor.count)
      }
      return ONNXTensor(name: name, tensor)
    }
  }
}
