import ViseFormats

/// Sums whose terms and whose result integer kernels can keep as codes.
///
/// Where the layers behind a sum read it as bytes, and each term is read as bytes elsewhere or made by
/// a convolution of bytes, the terms go through bytes too: a runtime then joins codes, sum and
/// rectifier to one integer operation instead of going to floats and back.
struct QuantizedSums {
  private let graph: ONNXGraph
  private let constants: Set<String>
  private let readerCounts: [String: Int]
  private var makers: [String: Int] = [:]
  private var readers: [String: [Int]] = [:]

  init(_ graph: ONNXGraph) {
    self.graph = graph
    constants = Set(graph.initializers.map(\.name))
    readerCounts = graph.readerCounts
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { makers[output] = index }
      for input in node.inputs { readers[input, default: []].append(index) }
    }
  }

  /// The terms of sums and the sums themselves: the values whose ranges are wanted.
  var values: [String] {
    var seen = Set<String>()
    return graph.nodes.filter(isSum).flatMap { $0.inputs + [end(of: $0)] }
      .filter { seen.insert($0).inserted }
  }

  /// Lets all such sums read codes.
  func apply(
    to editor: inout GraphEditor, _ quantized: inout QuantizedValues, _ ranges: ValueRanges
  ) throws {
    for (position, node) in graph.nodes.enumerated() where isSum(node) {
      let end = end(of: node)
      if let pool = pool(behind: end, quantized) {
        guard let range = try ranges.range(of: end) else { continue }
        let name = try quantized.dequantized(end, QuantizedValues.bytes, &editor) { range }
        editor.replaceNode(pool, by: editor.nodes[pool].reading([name]))
      }
      guard quantized.isCoded(end) else { continue }
      let known = try node.inputs.map { try term($0, editor, quantized, ranges) }
      guard known.allSatisfy({ $0 != nil }) else { continue }
      let terms = try zip(node.inputs, known).map { value, range in
        try quantized.dequantized(value, QuantizedValues.bytes, &editor) { range ?? 0...0 }
      }
      editor.replaceNode(position, by: editor.nodes[position].reading(terms))
    }
  }

  private func isSum(_ node: ONNXNode) -> Bool {
    node.type == "Add" && node.domain.isEmpty && node.inputs.count == 2
      && node.inputs.allSatisfy { !constants.contains($0) && makers[$0] != nil }
  }

  /// The sum, or what a rectifier that alone reads it makes of it.
  private func end(of node: ONNXNode) -> String {
    guard let output = node.outputs.first, readerCounts[output] == 1,
      let reader = readers[output]?.first, graph.nodes[reader].type == "Relu",
      let rectified = graph.nodes[reader].outputs.first
    else { return node.outputs.first ?? "" }
    return rectified
  }

  /// The pool that alone reads `value`, where what it makes is read as codes.
  private func pool(behind value: String, _ quantized: QuantizedValues) -> Int? {
    guard readerCounts[value] == 1, let reader = readers[value]?.first,
      graph.nodes[reader].type == "GlobalAveragePool",
      var output = graph.nodes[reader].outputs.first
    else { return nil }
    while !quantized.isCoded(output) {
      guard readerCounts[output] == 1, let next = readers[output]?.first,
        graph.nodes[next].type == "Flatten", let shaped = graph.nodes[next].outputs.first
      else { return nil }
      output = shaped
    }
    return reader
  }

  /// Whether `value` is a coded one of which numbers were only taken, moved or padded.
  private func isMoved(_ value: String, _ quantized: QuantizedValues) -> Bool {
    var value = value
    while let maker = makers[value], Self.moving.contains(graph.nodes[maker].type) {
      value = graph.nodes[maker].inputs[0]
      if quantized.isCoded(value) { return true }
    }
    return false
  }

  private static let moving: Set<String> = [
    "Flatten", "Identity", "MaxPool", "Pad", "Reshape", "Slice", "Squeeze", "Transpose",
    "Unsqueeze",
  ]

  /// The range of a term that can be codes; `nil` where it cannot.
  private func term(
    _ value: String, _ editor: GraphEditor, _ quantized: QuantizedValues, _ ranges: ValueRanges
  ) throws -> ClosedRange<Float>? {
    if quantized.isCoded(value) { return 0...0 }
    guard readerCounts[value] == 1, let maker = makers[value] else { return nil }
    let node = editor.nodes[maker]
    let isOfCodes =
      node.type == "Conv"
      ? quantized.scale(behind: node.inputs[0]) != nil : isMoved(value, quantized)
    return isOfCodes ? try ranges.range(of: value) : nil
  }
}

extension GraphModel {
  /// Values besides the sites' inputs whose ranges plans can ask for.
  public var summedValues: [String] { QuantizedSums(source.graph).values }
}
