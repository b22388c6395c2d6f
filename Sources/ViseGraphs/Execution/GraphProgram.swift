public import ViseFormats
public import ViseTensor

/// A graph whose operations are ready to run: attributes read, constants folded.
///
/// Values go by index. A run is given some of them and makes others, so that it can begin at any
/// cut and end at any value; weights may be given in place of the file's.
public final class GraphProgram: Sendable {
  let graph: OperatorGraph
  /// Every operation by itself.
  let plain: Schedule
  /// Some operations joined, for runs that need nothing from inside them.
  private let fused: Schedule
  /// By value, what is known before a run: constants, and what follows from them alone.
  let known: [Tensor?]

  /// - Parameter weights: names of constants, or of values that follow from constants, that runs may
  ///   replace; nothing is folded from them.
  public convenience init(_ model: ONNXModel, weights: Set<String> = []) throws {
    try self.init(
      graph: try GraphImporter.graph(of: model.graph), opsets: model.opsets, weights: weights)
  }

  init(graph: OperatorGraph, opsets: [String: Int], weights: Set<String> = []) throws {
    try BLAS.load()
    self.graph = graph
    var steps: [GraphStep] = []
    var unsupported = Set<String>()
    for node in graph.nodes {
      let opset = opsets[node.domain] ?? 1
      guard
        let definition = OperatorRegistry.find(
          domain: node.domain, name: node.type, opset: opset)
      else {
        unsupported.insert(node.operatorName)
        continue
      }
      let description = NodeDescription(node: node, opset: opset, opsets: opsets)
      do {
        steps.append(
          GraphStep(
            node, halves: definition.halves, kernel: try definition.prepare(description)))
      } catch GraphError.unsupportedOperators(let names) {
        unsupported.formUnion(names)
      } catch let fault as OperatorFault {
        throw GraphError.operation(node: node.label, type: node.operatorName, fault)
      }
    }
    guard unsupported.isEmpty else { throw GraphError.unsupportedOperators(unsupported.sorted()) }
    let valueCount = graph.valueNames.count
    plain = Schedule(steps, valueCount: valueCount)
    known = try Self.folded(graph, steps, weights: weights)
    fused = ConvolutionFusion.schedule(steps, known: known, outputs: graph.outputs)
  }

  /// Constants, and the values that follow from them and from no weight.
  private static func folded(
    _ graph: OperatorGraph, _ steps: [GraphStep], weights: Set<String>
  ) throws -> [Tensor?] {
    var known = [Tensor?](repeating: nil, count: graph.valueNames.count)
    var isFixed = [Bool](repeating: false, count: known.count)
    let context = KernelContext(pool: nil, work: RowWork(pool: nil), byteLimit: foldingLimit)
    for (value, stored) in graph.constants {
      guard let box = Tensor.boxCount(of: stored.shape), box <= 1 << 40 else { continue }
      known[value] = stored.tensor
      isFixed[value] = known[value] != nil && !weights.contains(graph.valueNames[value])
    }
    for step in steps where step.reads.allSatisfy({ isFixed[$0] }) {
      guard let results = try? step.run({ known[$0] }, context) else { continue }
      for (output, result) in zip(step.outputs, results) where output >= 0 {
        known[output] = result
        isFixed[output] = !weights.contains(graph.valueNames[output])
      }
    }
    return known
  }

  /// Bytes a folded value may have; larger ones are made in each run.
  private static let foldingLimit = 1 << 26

  /// Names and declarations of what a run must be given.
  public var inputs: [ONNXValue] { graph.inputs.map(\.declared) }

  /// By index, what a run must be given.
  public var inputValues: [Int] { graph.inputs.map(\.value) }

  public var outputs: [Int] { graph.outputs }

  /// The order whole runs follow.
  var schedule: Schedule { fused }

  /// By value, whether it is a constant or follows from constants.
  var knownValues: [Bool] { known.map { $0 != nil } }

  public var outputNames: [String] { graph.outputs.map { graph.valueNames[$0] } }

  /// The index of the value called `name`; `nil` where there is none.
  public func value(named name: String) -> Int? { graph.valueNames.firstIndex(of: name) }

  /// The name of a value.
  public func valueName(_ value: Int) -> String { graph.valueNames[value] }

  /// The values of the graph's outputs, in their order.
  public func run(
    _ inputs: [String: Tensor], context: GraphContext
  ) throws -> [Tensor] {
    var given: [Int: Tensor] = [:]
    for (value, declared) in graph.inputs {
      guard let tensor = inputs[declared.name] else {
        throw GraphError.missingInput(declared.name)
      }
      given[value] = tensor
    }
    let values = try run(given, wanted: graph.outputs, context.kernelContext)
    return try graph.outputs.map { output in
      guard let value = values[output] else {
        throw GraphError.undefinedValue(graph.valueNames[output], node: "output")
      }
      return value
    }
  }

  /// Makes the values `wanted` from those `given`, running no more operations than that takes.
  ///
  /// - Parameter given: inputs, values of an earlier run, or constants in place of the file's.
  public func run(
    _ given: [Int: Tensor], wanted: [Int], context: GraphContext
  ) throws -> [Int: Tensor] {
    try run(given, wanted: wanted, context.kernelContext)
  }

  /// As a branch of another graph's operation.
  func runNested(
    _ captured: [Tensor?], inputs: [Tensor], _ context: KernelContext
  ) throws -> [Tensor] {
    var given: [Int: Tensor] = [:]
    for (capture, tensor) in zip(graph.captures, captured) { given[capture.value] = tensor }
    for (input, tensor) in zip(graph.inputs, inputs) { given[input.value] = tensor }
    let values = try run(given, wanted: graph.outputs, context)
    return graph.outputs.compactMap { values[$0] }
  }

  private func run(
    _ given: [Int: Tensor], wanted: [Int], _ context: KernelContext
  ) throws -> [Int: Tensor] {
    let isInside = { self.fused.hidden.contains($0) }
    let schedule =
      wanted.contains(where: isInside) || given.keys.contains(where: isInside)
      ? plain : fused
    return try schedule.run(given, wanted: wanted, known: known, context)
  }
}
