import ViseCompression
import ViseFormats
import ViseTensor

/// The parts of a compressed weight as a graph's own operations and constants.
///
/// A part is codes behind a DequantizeLinear where the format can be, else the floats it decodes to.
struct FactorStorage {
  let layer: FactoredLayer
  let stored: CompressedSite
  let name: String
  let node: Int

  /// `nil` where the graph cannot hold the parts.
  init?(_ stored: CompressedSite, of site: GraphSite, in editor: inout GraphEditor) {
    guard case .factors = stored.storage, stored.form != .whole, !stored.leavesBasis else {
      return nil
    }
    var names = editor
    guard
      let layer = FactoredLayer(
        site, form: stored.form, node: editor.nodes[site.node], naming: { names.name($0) })
    else { return nil }
    editor = names
    self.layer = layer
    self.stored = stored
    name = site.site.name
    node = site.node
  }

  /// Puts the parts into the graph; returns their values as the graph has them, and why some are stored
  /// as the floats they decode to, if any are.
  func insert(
    into editor: inout GraphEditor, work: RowWork
  ) throws -> (values: [Matrix], reason: String?) {
    var (values, reason): ([Matrix], String?) = ([], nil)
    for (part, encoded) in zip(layer.parts, stored.storage.weights) {
      let whole = CompressedSite(
        [encoded], form: .whole, format: stored.format, shape: part.site.shape)
      let storage = WeightStorage(site: part, stored: whole)
      if let misfit = storage.misfit(opset: editor.opset) {
        reason = reason ?? misfit
        values.append(try whole.values(work: work))
        add(part, values[values.count - 1], &editor)
      } else {
        values.append(try storage.insert(into: &editor))
      }
    }
    for shape in layer.shapes {
      editor.replace(
        shape.name, by: ONNXTensor(name: shape.name, Tensor([shape.values.count], shape.values)))
    }
    if layer.isMadeOnLoading {
      editor.remove(name)
      for node in layer.inner { editor.insertFirst(node) }
    } else {
      editor.insert(layer.inner, before: node)
      editor.replaceNode(node, by: layer.outer)
      if !editor.isRead(name) { editor.remove(name) }
    }
    return (values, reason)
  }

  private func add(_ part: GraphSite, _ values: Matrix, _ editor: inout GraphEditor) {
    let matrix = part.isTransposed ? values.transposed() : values
    let tensor = Tensor(.float32, part.shape)
    withExtendedLifetime(matrix) {
      tensor.pointer(Float.self).update(from: matrix.pointer, count: tensor.count)
    }
    editor.replace(part.site.name, by: ONNXTensor(name: part.site.name, tensor))
  }
}
