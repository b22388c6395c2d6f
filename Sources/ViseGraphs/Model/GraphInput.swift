import ViseCompression
import ViseFormats
public import ViseTensor

/// What one site reads, as rows of a matrix whose columns are the site's.
///
/// A convolution's rows are its windows (im2col); those of a grouped one are the windows of all
/// groups, pooled.
public struct GraphInput: Sendable {
  public let site: GraphSite
  /// The name of the value that is read.
  public let value: String
  private let window: (SpatialWindow, groups: Int)?

  /// `nil` where the site's inputs are not known before a run, such as a recurrent layer's state.
  public init?(_ site: GraphSite, of model: GraphModel) {
    let node = model.source.graph.nodes[site.node]
    let place = site.place == 0 ? 1 : 0
    guard node.inputs.indices.contains(place), !node.inputs[place].isEmpty else { return nil }
    self.site = site
    value = node.inputs[place]
    switch (node.type, site.site.role) {
    case ("Conv", _):
      let plain = GraphNode(
        label: node.label, domain: node.domain, type: node.type, inputs: [], outputs: [],
        attributes: node.attributes, subgraphs: [:])
      let description = NodeDescription(node: plain, opset: 1, opsets: [:])
      guard let found = try? SpatialWindow(description),
        let groups = try? description.int("group", default: 1), groups > 0
      else { return nil }
      window = (found, groups)
    case ("Gemm", .linear) where (node.intAttribute("transA") ?? 0) == 0 && site.place == 1,
      ("MatMul", .linear) where site.place == 1, (_, .recurrentInput):
      window = nil
    default: return nil
    }
  }

  /// The rows the site reads of a tensor that a run made.
  ///
  /// - Throws: `OperatorFault` where shape or type are none the site takes.
  public func rows(of x: Tensor) throws(OperatorFault) -> Matrix {
    guard x.type == .float32 else { throw .unsupportedType(input: 0, x.type) }
    guard let (window, groups) = window else {
      guard x.rank > 0, x.shape.last == site.site.columns, x.count > 0 else {
        throw .shapes("inputs of shape \(x.shape) for \(site.site.columns) columns")
      }
      let result = Matrix(rows: x.count / site.site.columns, columns: site.site.columns)
      withExtendedLifetime((x.storage, result)) {
        result.pointer.update(from: x.pointer(Float.self), count: x.count)
      }
      return result
    }
    let shape = try ConvolutionShape(x.shape, weight: site.shape, groups: groups, window)
    let count = shape.images * shape.window.outputCount * groups
    let result = Matrix(rows: count, columns: shape.depth)
    let size = shape.channelsPerGroup * shape.window.inputCount
    for part in 0..<shape.images * groups {
      let columns = Matrix(rows: shape.depth, columns: shape.window.outputCount)
      withExtendedLifetime((x.storage, columns, result)) {
        ColumnMatrix.fill(
          columns.pointer, from: x.pointer(Float.self) + part * size,
          channels: shape.channelsPerGroup, shape.window)
        let turned = columns.transposed()
        (result.pointer + part * turned.count).update(from: turned.pointer, count: turned.count)
      }
    }
    return result
  }
}
