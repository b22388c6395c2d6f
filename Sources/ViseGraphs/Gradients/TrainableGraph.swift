public import ViseCompression
public import ViseFormats
public import ViseTensor

/// A planned model with what of it training may change.
///
/// Channels that are gone stay gone, factors stay factors, pruned weights stay zero. Weights the plan
/// stores as integer codes are trained through the rounding to those codes (straight-through) on the
/// plan's scales; sites in other formats, and in structured forms, keep the plan's values.
public struct TrainableGraph: Sendable {
  public let model: ONNXModel
  public let parameters: [TrainableParameter]
  /// Sites that keep the plan's values, in the order of the file.
  public let frozen: [String]

  /// - Throws: `OperatorFault` where a constant's type cannot be computed with.
  public init(_ planned: PlannedGraph, of reference: GraphModel, plan: Plan) throws {
    var catalog = TrainableCatalog(planned.model.graph, reference, plan)
    try catalog.addAll()
    model = planned.model
    parameters = catalog.parameters
    frozen = reference.sites.map(\.site.name).filter(catalog.frozen.contains)
  }

  init(model: ONNXModel, parameters: [TrainableParameter], frozen: [String]) {
    self.model = model
    self.parameters = parameters
    self.frozen = frozen
  }

  /// The numbers that are trained, all parameters together.
  public var trainedCount: Int { parameters.reduce(0) { $0 + $1.initial.count } }

  /// The model with what training has come to, in the order of `parameters`.
  public func model(with trained: [Tensor]) throws -> ONNXModel {
    precondition(trained.count == parameters.count)
    var editor = GraphEditor(model)
    for (parameter, tensor) in zip(parameters, trained) {
      for constant in try parameter.constants(of: tensor) {
        editor.replace(constant.name, by: constant)
      }
    }
    return editor.model
  }
}

/// Finds the constants of a graph that layers use as weights, biases, scales and tables.
private struct TrainableCatalog {
  private let graph: ONNXGraph
  private let tensors: [String: ONNXTensor]
  /// By the name of a value that is dequantized, the operation.
  private let dequantizers: [String: ONNXNode]
  private let treatments: [String: Treatment]
  private(set) var parameters: [TrainableParameter] = []
  private(set) var frozen = Set<String>()
  private var seen = Set<String>()
  private let context = KernelContext(pool: nil, work: RowWork(pool: nil), byteLimit: .max / 16)

  init(_ graph: ONNXGraph, _ reference: GraphModel, _ plan: Plan) {
    self.graph = graph
    tensors = Dictionary(
      graph.initializers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var dequantizers: [String: ONNXNode] = [:]
    for node in graph.nodes where node.type == "DequantizeLinear" && node.domain.isEmpty {
      if let output = node.outputs.first { dequantizers[output] = node }
    }
    self.dequantizers = dequantizers
    var treatments: [String: Treatment] = [:]
    for site in reference.sites { treatments[site.site.name] = plan.change(of: site.site) }
    self.treatments = treatments
  }

  mutating func addAll() throws {
    for node in neededNodes() where node.domain.isEmpty {
      switch node.type {
      case "Conv", "Gemm", "LayerNormalization":
        try add(node, 1)
        try add(node, 2)
      case "BatchNormalization":
        try add(node, 1)
        try add(node, 2)
      case "PRelu": try add(node, 1)
      case "LSTM": for input in 1...3 { try add(node, input) }
      case "MatMul", "Add", "Mul":
        try add(node, 0)
        try add(node, 1)
      case "Gather", "Reshape": try add(node, 0)
      default: break
      }
    }
  }

  /// The operations the first output depends on, in the order of the file.
  private func neededNodes() -> [ONNXNode] {
    var makers: [String: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { makers[output] = index }
    }
    var needed = Set<Int>()
    var waiting = graph.outputs.first.map { [$0.name] } ?? []
    while let name = waiting.popLast() {
      guard let maker = makers[name], needed.insert(maker).inserted else { continue }
      waiting += graph.nodes[maker].inputs
    }
    return graph.nodes.indices.filter(needed.contains).map { graph.nodes[$0] }
  }

  private mutating func add(_ node: ONNXNode, _ input: Int) throws {
    guard node.inputs.indices.contains(input), !node.inputs[input].isEmpty,
      seen.insert(node.inputs[input]).inserted
    else { return }
    let name = node.inputs[input]
    if let stored = tensors[name] {
      // Single numbers are part of a formula, such as the 0.5 of a decomposed GELU.
      guard stored.type == .float32, stored.elementCount > 1, let tensor = stored.tensor else {
        return
      }
      addFloats(name, tensor)
    } else if let dequantizer = dequantizers[name] {
      try addCodes(name, dequantizer)
    }
  }

  private mutating func addFloats(_ name: String, _ tensor: Tensor) {
    let site = site(of: name)
    let treatment = site.flatMap { treatments[$0] }
    // The parts of a structure train as they are; what they made up does not.
    if let site, treatment?.format != nil || (treatment?.structure != nil && site == name) {
      frozen.insert(site)
      return
    }
    let isPruned = treatment.map { Self.hasZeros($0) && $0.form == .whole } ?? false
    parameters.append(
      TrainableParameter(
        name: name, initial: tensor, decays: tensor.rank > 1,
        storage: isPruned ? .masked(kept: Self.kept(tensor)) : .floats))
  }

  /// The site that a constant, or one of its parts, is of; `nil` for biases and the like.
  private func site(of name: String) -> String? {
    if treatments[name] != nil { return name }
    guard let slash = name.lastIndex(of: "/") else { return nil }
    let whole = String(name[..<slash])
    return treatments[whole].flatMap { $0.form == .whole ? nil : whole }
  }

  private static func hasZeros(_ treatment: Treatment) -> Bool {
    treatment.sparsity.map { $0.pattern != .channels } ?? false
  }

  /// 1 where a number is not zero.
  private static func kept(_ tensor: Tensor) -> Tensor {
    let result = Tensor(.float32, tensor.shape)
    for i in 0..<tensor.count {
      result.pointer(Float.self)[i] = tensor.pointer(Float.self)[i] == 0 ? 0 : 1
    }
    return result
  }

  private mutating func addCodes(_ name: String, _ node: ONNXNode) throws {
    guard node.inputs.count >= 2, let stored = tensors[node.inputs[0]],
      let codes = stored.tensor, let scale = tensors[node.inputs[1]]?.tensor
    else { return }
    let plain = GraphNode(
      label: node.label, domain: "", type: node.type, inputs: [], outputs: [],
      attributes: node.attributes, subgraphs: [:])
    let grid = try QuantizationGrid(NodeDescription(node: plain, opset: 21, opsets: [:]))
    let zero = node.inputs.count > 2 ? tensors[node.inputs[2]]?.tensor : nil
    let initial = try grid.dequantize(codes, scale, zero, context)
    guard initial.type == .float32, let range = range(of: name, stored.type) else { return }
    let treatment = site(of: name).flatMap { treatments[$0] }
    let zeros = try zero.map { try grid.steps($0, over: codes, context) } ?? Tensor([], [Float(0)])
    let storage = CodeStorage(
      name: stored.name, type: codes.type, range: range,
      steps: try spread(grid.steps(scale, over: codes, context), codes.shape),
      zeros: try spread(zeros, codes.shape),
      kept: treatment.map { Self.hasZeros($0) && $0.form == .whole } ?? false
        ? Self.kept(initial) : nil)
    parameters.append(
      TrainableParameter(
        name: name, initial: initial, decays: initial.rank > 1, storage: .codes(storage)))
  }

  private func spread(_ x: Tensor, _ shape: [Int]) throws -> Tensor {
    try RearrangingOperators.expanded(x, shape, context)
  }

  /// The codes a site's format has, or those of the type for biases.
  private func range(of name: String, _ type: ElementType) -> ClosedRange<Int>? {
    if let site = site(of: name), case .integer(let format)? = treatments[site]?.format {
      return format.low...format.high
    }
    switch type {
    case .int8: return -128...127
    case .uint8: return 0...255
    case .int4: return -8...7
    case .uint4: return 0...15
    // Doubles and sums of such a bias stay exact.
    case .int32: return -(1 << 30)...(1 << 30)
    default: return nil
    }
  }
}
