import ViseFormats

/// A graph that is being changed; names that are made are new ones.
struct GraphEditor {
  private let source: ONNXModel
  private(set) var opset: Int
  private(set) var nodes: [ONNXNode]
  private var initializers: [String: ONNXTensor]
  /// Names of initializers in the order of the file.
  private var order: [String]
  private var names: Set<String>
  /// By position in the file, operations that come before and after that one.
  private var before: [Int: [ONNXNode]] = [:]
  private var after: [Int: [ONNXNode]] = [:]
  /// Positions in the file of operations that are gone.
  private var removed = Set<Int>()
  /// Operations that come before all others, or can: they read constants alone.
  private var first: [ONNXNode] = []

  init(_ source: ONNXModel) {
    self.source = source
    opset = source.opsets[""] ?? 1
    nodes = source.graph.nodes
    initializers = Dictionary(
      source.graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    order = source.graph.initializers.map(\.name)
    names = Set(order + source.graph.inputs.map(\.name) + nodes.flatMap(\.outputs))
  }

  /// `wanted`, or that with a number behind it where it is taken.
  mutating func name(_ wanted: String) -> String {
    var result = wanted
    var number = 1
    while !names.insert(result).inserted {
      number += 1
      result = "\(wanted)_\(number)"
    }
    return result
  }

  /// Adds a constant under a new name like `wanted`.
  mutating func add(_ wanted: String, _ make: (String) -> ONNXTensor) -> String {
    let name = name(wanted)
    order.append(name)
    initializers[name] = make(name)
    return name
  }

  func initializer(_ name: String) -> ONNXTensor? { initializers[name] }

  /// Puts another tensor in the place of the constant `name`.
  mutating func replace(_ name: String, by tensor: ONNXTensor) {
    if initializers.updateValue(tensor, forKey: name) == nil { order.append(name) }
  }

  /// Whether an operation of the file, as changed so far, or the graph's end reads `name`.
  func isRead(_ name: String) -> Bool {
    nodes.indices.contains { !removed.contains($0) && nodes[$0].inputs.contains(name) }
      || source.graph.outputs.contains { $0.name == name }
  }

  /// How often operations of the file, as changed so far, read `name`.
  func readCount(_ name: String) -> Int {
    nodes.indices.reduce(0) { sum, index in
      sum + (removed.contains(index) ? 0 : nodes[index].inputs.count { $0 == name })
    }
  }

  /// Takes the constant `name` away; an operation then makes the value.
  mutating func remove(_ name: String) { initializers[name] = nil }

  mutating func removeNode(_ position: Int) { removed.insert(position) }

  mutating func replaceNode(_ position: Int, by node: ONNXNode) { nodes[position] = node }

  mutating func insertFirst(_ node: ONNXNode) { first.append(node) }

  mutating func insert(_ new: [ONNXNode], before position: Int) {
    before[position, default: []] += new
  }

  mutating func insert(_ new: [ONNXNode], after position: Int) {
    after[position, default: []] += new
  }

  /// Raises the version of ONNX's operators where no operation of the graph changes its meaning.
  mutating func raiseOpset(to version: Int) {
    guard opset < version, OpsetRange.allows(source.graph, from: opset) else { return }
    opset = version
  }

  /// The graph with all changes.
  var model: ONNXModel {
    var opsets = source.opsets
    opsets[""] = opset
    let all =
      first
      + nodes.indices.flatMap { position in
        (before[position] ?? []) + (removed.contains(position) ? [] : [nodes[position]])
          + (after[position] ?? [])
      }
    // An initializer may be declared as an input too; one that an operation makes may not.
    let inputs = source.graph.inputs.filter { input in
      initializers[input.name] != nil || !order.contains(input.name)
    }
    let raised = opset > (source.opsets[""] ?? 1)
    return ONNXModel(
      path: source.path, byteCount: source.byteCount,
      irVersion: raised ? max(source.irVersion, OpsetRange.irVersion) : source.irVersion,
      producer: "vise", opsets: opsets,
      graph: ONNXGraph(
        name: source.graph.name, nodes: all, initializers: order.compactMap { initializers[$0] },
        inputs: inputs, outputs: source.graph.outputs),
      functionNames: source.functionNames)
  }
}
