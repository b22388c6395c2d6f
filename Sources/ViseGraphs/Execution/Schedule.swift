import ViseTensor

/// Operations in the order in which they run, and which of them makes which value.
struct Schedule: Sendable {
  let steps: [GraphStep]
  /// By value, the step that makes it; -1 where none does.
  let makers: [Int]
  /// Values that lie inside joined operations and are never made.
  let hidden: Set<Int>

  init(_ steps: [GraphStep], valueCount: Int, hidden: Set<Int> = []) {
    self.steps = steps
    self.hidden = hidden
    var makers = [Int](repeating: -1, count: valueCount)
    for (index, step) in steps.enumerated() {
      for output in step.outputs where output >= 0 { makers[output] = index }
    }
    self.makers = makers
  }

  /// The steps that make `wanted`, ascending; what is `given` or `known` needs none.
  func needed(for wanted: [Int], given: [Int: Tensor], known: [Tensor?]) -> [Int] {
    var isNeeded = [Bool](repeating: false, count: steps.count)
    var waiting = wanted
    while let value = waiting.popLast() {
      let maker = makers[value]
      guard maker >= 0, given[value] == nil, known[value] == nil, !isNeeded[maker] else {
        continue
      }
      isNeeded[maker] = true
      waiting.append(contentsOf: steps[maker].reads)
    }
    return steps.indices.filter { isNeeded[$0] }
  }

  /// Makes `wanted`, letting go of every value after its last reader.
  func run(
    _ given: [Int: Tensor], wanted: [Int], known: [Tensor?], _ context: KernelContext
  ) throws -> [Int: Tensor] {
    var values = known
    for (value, tensor) in given { values[value] = tensor }
    let needed = needed(for: wanted, given: given, known: known)
    var readers = [Int](repeating: 0, count: values.count)
    for index in needed { for value in steps[index].reads { readers[value] += 1 } }
    for value in wanted { readers[value] += 1 }
    for index in needed {
      try context.work.cancellation.check()
      let step = steps[index]
      let results = try step.run({ values[$0] }, context)
      for (output, result) in zip(step.outputs, results) where output >= 0 && readers[output] > 0 {
        values[output] = result
      }
      for value in step.reads {
        readers[value] -= 1
        if readers[value] == 0 { values[value] = nil }
      }
    }
    return Dictionary(
      wanted.compactMap { value in values[value].map { (value, $0) } },
      uniquingKeysWith: { first, _ in first })
  }
}

/// One operation, or several joined, ready to run.
struct GraphStep: Sendable {
  /// The node that errors name.
  let node: GraphNode
  /// -1 where an optional input is left out; captured values of inner graphs come last.
  let inputs: [Int]
  let outputs: [Int]
  let halves: HalfFloats
  let kernel: Kernel

  init(_ node: GraphNode, halves: HalfFloats, kernel: @escaping Kernel) {
    // The branch taken where a condition holds comes first.
    let order = ["then_branch": 0, "else_branch": 1]
    let captured = node.subgraphs.sorted {
      (order[$0.key] ?? 2, $0.key) < (order[$1.key] ?? 2, $1.key)
    }.flatMap(\.value.captures)
    self.init(
      node, inputs: node.inputs + captured, outputs: node.outputs, halves: halves, kernel: kernel)
  }

  init(
    _ node: GraphNode, inputs: [Int], outputs: [Int], halves: HalfFloats,
    kernel: @escaping Kernel
  ) {
    self.node = node
    self.inputs = inputs
    self.outputs = outputs
    self.halves = halves
    self.kernel = kernel
  }

  var reads: [Int] { inputs.filter { $0 >= 0 } }

  /// Carries the operation out on the values it reads.
  func run(_ value: (Int) -> Tensor?, _ context: KernelContext) throws -> [Tensor] {
    let tensors = inputs.map { $0 < 0 ? nil : value($0) }
    do {
      guard halves == .widened, let half = tensors.compactMap({ $0?.type }).first(where: \.isHalf)
      else { return try kernel(KernelInputs(tensors: tensors), context) }
      let widened = try tensors.map { tensor in
        try tensor.map {
          $0.type.isHalf ? try TypeConversion.convert($0, to: .float32, context) : $0
        }
      }
      return try kernel(KernelInputs(tensors: widened), context).map {
        $0.type == .float32 ? try TypeConversion.narrowed($0, to: half, context) : $0
      }
    } catch let fault as OperatorFault {
      throw GraphError.operation(node: node.label, type: node.operatorName, fault)
    }
  }
}

extension ElementType {
  var isHalf: Bool { self == .float16 || self == .bfloat16 }
}
