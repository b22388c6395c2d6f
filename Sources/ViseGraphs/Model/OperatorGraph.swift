import ViseFormats

/// One operation with the values it reads and makes, by index.
struct GraphNode: Sendable {
  /// A graph inside an attribute, and the outer values it reads.
  struct Subgraph: Sendable {
    let graph: OperatorGraph
    /// In the order of the inner graph's `captures`.
    let captures: [Int]
  }

  let label: String
  let domain: String
  let type: String
  /// -1 where an optional input is left out.
  let inputs: [Int]
  /// -1 where nobody asks for an output.
  let outputs: [Int]
  let attributes: [String: ONNXAttribute]
  let subgraphs: [String: Subgraph]

  /// Every value the node needs, those its subgraphs read included.
  var reads: [Int] {
    inputs.filter { $0 >= 0 } + subgraphs.values.flatMap(\.captures)
  }

  var operatorName: String { domain.isEmpty ? type : "\(domain).\(type)" }
}

/// Operations in an order in which each finds its inputs made; values go by index.
final class OperatorGraph: Sendable {
  let nodes: [GraphNode]
  let valueNames: [String]
  let constants: [Int: ONNXTensor]
  /// What a run must be given: declared inputs that are no constants.
  let inputs: [(value: Int, declared: ONNXValue)]
  let outputs: [Int]
  /// Values of the surrounding graph that nodes read, by name, and their index here.
  let captures: [(name: String, value: Int)]

  init(
    nodes: [GraphNode], valueNames: [String], constants: [Int: ONNXTensor],
    inputs: [(value: Int, declared: ONNXValue)], outputs: [Int],
    captures: [(name: String, value: Int)]
  ) {
    self.nodes = nodes
    self.valueNames = valueNames
    self.constants = constants
    self.inputs = inputs
    self.outputs = outputs
    self.captures = captures
  }
}

/// A graph as an ONNX file has it becomes one of indices.
struct GraphImporter {
  private let source: ONNXGraph
  private let isNested: Bool
  private var indices: [String: Int] = [:]
  private var valueNames: [String] = []
  private var captures: [(name: String, value: Int)] = []
  private var constants: [Int: ONNXTensor] = [:]

  /// - Parameter isNested: whether values of a surrounding graph may be read.
  static func graph(
    of source: ONNXGraph, isNested: Bool = false
  ) throws(GraphError) -> OperatorGraph {
    var importer = GraphImporter(source: source, isNested: isNested)
    return try importer.graph()
  }

  private init(source: ONNXGraph, isNested: Bool) {
    self.source = source
    self.isNested = isNested
  }

  private mutating func graph() throws(GraphError) -> OperatorGraph {
    for tensor in source.initializers { constants[try define(tensor.name)] = tensor }
    var inputs: [(value: Int, declared: ONNXValue)] = []
    for input in source.inputs where indices[input.name] == nil {
      inputs.append((try define(input.name), input))
    }
    for node in source.nodes {
      for output in node.outputs where !output.isEmpty { _ = try define(output) }
    }
    var nodes: [GraphNode] = []
    for node in source.nodes { nodes.append(try self.node(node)) }
    var outputs: [Int] = []
    for output in source.outputs { outputs.append(try resolve(output.name, node: "output")) }
    return OperatorGraph(
      nodes: try sorted(nodes), valueNames: valueNames, constants: constants, inputs: inputs,
      outputs: outputs, captures: captures)
  }

  private mutating func define(_ name: String) throws(GraphError) -> Int {
    guard indices[name] == nil else { throw .definedTwice(name) }
    indices[name] = valueNames.count
    valueNames.append(name)
    return valueNames.count - 1
  }

  private mutating func resolve(_ name: String, node: String) throws(GraphError) -> Int {
    if let index = indices[name] { return index }
    guard isNested else { throw .undefinedValue(name, node: node) }
    let index = try define(name)
    captures.append((name, index))
    return index
  }

  private mutating func node(_ node: ONNXNode) throws(GraphError) -> GraphNode {
    var inputs: [Int] = []
    for name in node.inputs {
      inputs.append(name.isEmpty ? -1 : try resolve(name, node: node.label))
    }
    var subgraphs: [String: GraphNode.Subgraph] = [:]
    for (key, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
      guard case .graph(let source) = attribute else { continue }
      let inner = try GraphImporter.graph(of: source, isNested: true)
      var captured: [Int] = []
      for capture in inner.captures {
        captured.append(try resolve(capture.name, node: node.label))
      }
      subgraphs[key] = GraphNode.Subgraph(graph: inner, captures: captured)
    }
    return GraphNode(
      label: node.label, domain: node.domain, type: node.type, inputs: inputs,
      outputs: node.outputs.map { $0.isEmpty ? -1 : indices[$0] ?? -1 },
      attributes: node.attributes, subgraphs: subgraphs)
  }

  /// Kahn's order; files are meant to be in it already and stay as they are.
  private func sorted(_ nodes: [GraphNode]) throws(GraphError) -> [GraphNode] {
    var makers = [Int](repeating: -1, count: valueNames.count)
    for (index, node) in nodes.enumerated() {
      for output in node.outputs where output >= 0 { makers[output] = index }
    }
    var waiting = [Int](repeating: 0, count: nodes.count)
    var readers = [[Int]](repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for value in node.reads where makers[value] >= 0 {
        waiting[index] += 1
        readers[makers[value]].append(index)
      }
    }
    var order: [Int] = nodes.indices.filter { waiting[$0] == 0 }
    var next = 0
    while next < order.count {
      for reader in readers[order[next]] {
        waiting[reader] -= 1
        if waiting[reader] == 0 { order.append(reader) }
      }
      next += 1
    }
    if let stuck = nodes.indices.first(where: { waiting[$0] > 0 }) {
      throw .cycle(node: nodes[stuck].label)
    }
    return order.map { nodes[$0] }
  }
}
