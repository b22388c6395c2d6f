import ViseTensor

/// LSTM, GRU and RNN.
enum RecurrentOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("LSTM") { node in
      let cell = LSTMCell(coupled: try node.flag("input_forget"))
      return try kernel(cell, node)
    },
    OperatorDefinition("GRU") { node in
      try kernel(GRUCell(resetsProduct: try node.flag("linear_before_reset")), node)
    },
    OperatorDefinition("RNN") { node in try kernel(ElmanCell(), node) },
  ]

  private static func kernel<Cell: RecurrentCell>(
    _ cell: Cell, _ node: NodeDescription
  ) throws -> Kernel {
    let layer = try RecurrentLayer(node, defaults: Cell.activationNames)
    return { inputs, context in
      let checked = try RecurrentInputs(inputs, layer, gates: Cell.gateCount, context)
      let memory = try RecurrentInputs.state(
        inputs[6], layer, layer.directionCount, checked.batch, context)
      if let peephole = inputs[7] {
        guard peephole.shape == [layer.directionCount, 3 * layer.hidden],
          peephole.type == .float32
        else { throw OperatorFault.shapes("peepholes of \(peephole.shape)") }
      }
      return try RecurrentRun(
        cell: cell, layer: layer, inputs: checked, memory: memory, extra: inputs[7],
        context: context
      ).run()
    }
  }
}

/// All steps of a recurrent operator, in every direction.
private struct RecurrentRun<Cell: RecurrentCell> {
  let cell: Cell
  let layer: RecurrentLayer
  let inputs: RecurrentInputs
  let memory: Tensor?
  let extra: Tensor?
  let context: KernelContext

  /// The states of all steps, the last state, the last memory.
  func run() throws -> [Tensor] {
    let (directions, hidden, batch) = (layer.directionCount, layer.hidden, inputs.batch)
    let all = try context.zeros(.float32, [inputs.steps, directions, batch, hidden])
    let states = try initial(inputs.initial)
    let memories = try initial(memory)
    for direction in 0..<directions {
      let gates = try inputs.products(
        direction, hidden: hidden, stateBias: cell.addsState, context)
      let scratch = try context.make(.float32, [batch, Cell.gateCount * hidden])
      for step in 0..<inputs.steps {
        try context.work.cancellation.check()
        advance(direction, step, gates, scratch, all, states, memories)
      }
      withExtendedLifetime((gates, scratch)) {}
    }
    guard layer.isBatchFirst else { return [all, states, memories] }
    return [
      try RearrangingOperators.transposed(all, [2, 0, 1, 3], context),
      try RearrangingOperators.transposed(states, [1, 0, 2], context),
      try RearrangingOperators.transposed(memories, [1, 0, 2], context),
    ]
  }

  private func initial(_ given: Tensor?) throws -> Tensor {
    guard let given else {
      return try context.zeros(.float32, [layer.directionCount, inputs.batch, layer.hidden])
    }
    return try ScatteringOperators.copy(given, context)
  }

  private func advance(
    _ direction: Int, _ step: Int, _ gates: Tensor, _ scratch: Tensor, _ all: Tensor,
    _ states: Tensor, _ memories: Tensor
  ) {
    let (hidden, batch) = (layer.hidden, inputs.batch)
    let width = Cell.gateCount * hidden
    let state = states.pointer(Float.self) + direction * batch * hidden
    let memory = memories.pointer(Float.self) + direction * batch * hidden
    let places = (0..<batch).map { inputs.order(layer, direction, step: step, item: $0) }
    for (item, place) in places.enumerated() {
      let row = gates.pointer(Float.self) + ((place ?? 0) * batch + item) * width
      (scratch.pointer(Float.self) + item * width).update(from: row, count: width)
    }
    if cell.addsState {
      BLAS.multiplyTransposed(
        m: batch, n: width, k: hidden, a: state, strideA: hidden,
        b: inputs.state.pointer(Float.self) + direction * width * hidden, strideB: hidden,
        beta: 1, c: scratch.pointer(Float.self), strideC: width)
    }
    for (item, place) in places.enumerated() {
      guard let place else { continue }
      cell.step(
        gates: scratch.pointer(Float.self) + item * width, state: state + item * hidden,
        memory: memory + item * hidden, direction: direction, layer: layer, inputs: inputs,
        extra: extra)
      let target = ((place * layer.directionCount + direction) * batch + item) * hidden
      (all.pointer(Float.self) + target).update(from: state + item * hidden, count: hidden)
    }
  }
}
