import ViseCompression
import ViseFormats

/// Operations on constants that multiply the parts of a weight out: runtimes do so once, as they load.
///
/// For layers whose operation needs the whole weight, such as an LSTM: fewer bytes, as many products.
struct WeightProduct {
  let parts: [GraphSite]
  private(set) var nodes: [ONNXNode] = []
  private(set) var shapes: [(name: String, values: [Int64])] = []
  private let site: GraphSite
  private let naming: (String) -> String

  /// `nil` where the parts of `form` have no such product here.
  init?(_ site: GraphSite, form: SiteForm, naming: @escaping (String) -> String) {
    self.site = site
    self.naming = naming
    let isRank: Bool
    var modes: MatrixModes?
    switch form {
    case .lowRank: isRank = true
    case .structured(.tensor(let decomposition)):
      isRank = false
      modes = decomposition.modes(of: site.site.shape)
      guard modes != nil else { return nil }
    default: return nil
    }
    parts = form.parts(of: site.site.shape).map { part in
      let isTransposed = isRank && site.isTransposed
      return site.part(
        naming("\(site.site.name)/\(part.name)"), .linear, rows: part.rows, columns: part.columns,
        shape: isTransposed ? [part.columns, part.rows] : [part.rows, part.columns],
        isTransposed: isTransposed)
    }
    let names = parts.map(\.site.name)
    guard let modes else {
      let product = add(
        "MatMul", site.isTransposed ? names.reversed() : names, last: site.shape.count == 2)
      if site.shape.count > 2 { _ = reshape(product, site.shape, last: true) }
      return
    }
    finish(parts.count == 3 ? train(names, modes) : tree(names, modes), modes)
  }

  /// Of three cores, the numbers of the tensor.
  private mutating func train(_ cores: [String], _ modes: MatrixModes) -> String {
    let sizes = modes.sizes
    let ranks = [parts[0].site.columns, parts[1].site.columns]
    let middle = reshape(cores[1], [ranks[0], sizes[1] * ranks[1]])
    let left = reshape(add("MatMul", [cores[0], middle]), [sizes[0] * sizes[1], ranks[1]])
    return add("MatMul", [left, cores[2]])
  }

  /// Of four frames, two transfer tensors and the root.
  private mutating func tree(_ parts: [String], _ modes: MatrixModes) -> String {
    let left = half(0, parts)
    let right = half(1, parts)
    let turned = add("Transpose", [right], ["perm": .ints([1, 0])])
    return add("MatMul", [add("MatMul", [left, parts[6]]), turned])
  }

  private mutating func half(_ half: Int, _ names: [String]) -> String {
    let (first, second) = (parts[2 * half].site, parts[2 * half + 1].site)
    let rank = parts[4 + half].site.columns
    let transfer = reshape(names[4 + half], [first.columns, second.columns * rank])
    let wide = reshape(
      add("MatMul", [first.name, transfer]), [first.rows, second.columns, rank])
    return reshape(add("MatMul", [second.name, wide]), [first.rows * second.rows, rank])
  }

  /// From the order of the tensor to that of the file.
  private mutating func finish(_ tensor: String, _ modes: MatrixModes) {
    let digits = reshape(tensor, zip(modes.rows, modes.columns).flatMap { [$0, $1] })
    let rows = modes.rows.indices.map { Int64(2 * $0) }
    let columns = rows.map { $0 + 1 }
    let turned = add(
      "Transpose", [digits],
      ["perm": .ints(site.isTransposed ? columns + rows : rows + columns)])
    _ = reshape(turned, site.shape, last: true)
  }

  private mutating func reshape(_ value: String, _ shape: [Int], last: Bool = false) -> String {
    let name = naming("\(site.site.name)/shape\(shapes.count)")
    shapes.append((name, shape.map { Int64($0) }))
    return add("Reshape", [value, name], last: last)
  }

  /// An operation whose output has a name of its own, or is the weight.
  private mutating func add(
    _ type: String, _ inputs: some Sequence<String>, _ attributes: [String: ONNXAttribute] = [:],
    last: Bool = false
  ) -> String {
    let output = last ? site.site.name : naming("\(site.site.name)/value\(nodes.count)")
    nodes.append(
      ONNXNode(
        name: "\(site.site.name)/product\(nodes.count)", type: type, inputs: Array(inputs),
        outputs: [output], attributes: attributes))
    return output
  }
}
