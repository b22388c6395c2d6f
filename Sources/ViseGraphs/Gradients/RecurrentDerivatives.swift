import Glibc
import ViseTensor

/// The derivative of the LSTM of ONNX in its plain form: sigmoid and tanh, whole sequences, no clip.
///
/// Backpropagation through time: the steps are run again with their gates kept, then gone back
/// (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, with the forget gate of Gers,
/// Schmidhuber and Cummins, 2000).
enum RecurrentDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("LSTM") { node in
      let layer = try RecurrentLayer(node, defaults: LSTMCell.activationNames)
      let isPlain =
        try node.strings("activations") == nil && node.float("clip") == nil
        && !node.flag("input_forget") && !layer.isBatchFirst
      guard isPlain else { throw OperatorFault.unsupported("training this form of LSTM") }
      return { call, context in
        guard call.inputs[4] == nil, call.inputs[7] == nil else {
          throw OperatorFault.unsupported("training an LSTM with lengths or peepholes")
        }
        let inputs = try RecurrentInputs(
          call.inputs, layer, gates: LSTMCell.gateCount, context)
        return try LSTMDerivative(call: call, layer: layer, inputs: inputs, context: context).run()
      }
    }
  ]
}

/// The gradients of one LSTM operation.
private struct LSTMDerivative {
  let call: DerivativeCall
  let layer: RecurrentLayer
  let inputs: RecurrentInputs
  let context: KernelContext

  private var hidden: Int { layer.hidden }
  private var width: Int { 4 * layer.hidden }
  /// Numbers of a state.
  private var size: Int { inputs.batch * layer.hidden }

  /// What one direction's steps leave, by step: gates after their activations, and states and
  /// memories with those before the first step in front.
  private struct Run {
    let gates: Tensor
    let states: Tensor
    let memories: Tensor
  }

  func run() throws -> [Tensor?] {
    func zeros(_ tensor: Tensor?) throws -> Tensor? {
      try tensor.map { try context.zeros(.float32, $0.shape) }
    }
    let results = try (0..<7).map { try $0 == 4 ? nil : zeros(call.inputs[$0]) }
    for direction in 0..<layer.directionCount {
      let run = try forward(direction)
      try backward(direction, run, results)
    }
    return results.indices.map { call.wants($0) ? results[$0] : nil }
  }

  private func place(_ step: Int, _ direction: Int) -> Int {
    layer.isReverse(direction) ? inputs.steps - 1 - step : step
  }

  private func forward(_ direction: Int) throws -> Run {
    let (steps, batch) = (inputs.steps, inputs.batch)
    let products = try inputs.products(direction, hidden: hidden, stateBias: true, context)
    let run = Run(
      gates: try context.make(.float32, [steps, batch, width]),
      states: try context.zeros(.float32, [steps + 1, batch, hidden]),
      memories: try context.zeros(.float32, [steps + 1, batch, hidden]))
    for (given, target) in [(call.inputs[5], run.states), (call.inputs[6], run.memories)] {
      guard let given else { continue }
      target.pointer(Float.self).update(
        from: given.pointer(Float.self) + direction * size, count: size)
    }
    let weights = inputs.state.pointer(Float.self) + direction * width * hidden
    for step in 0..<steps {
      try context.work.cancellation.check()
      let gates = run.gates.pointer(Float.self) + step * batch * width
      gates.update(
        from: products.pointer(Float.self) + place(step, direction) * batch * width,
        count: batch * width)
      BLAS.multiplyTransposed(
        m: batch, n: width, k: hidden, a: run.states.pointer(Float.self) + step * size,
        strideA: hidden, b: weights, strideB: hidden, beta: 1, c: gates, strideC: width)
      advance(gates, step, run)
    }
    return run
  }

  /// One step of the cell, whose gates are left after their activations.
  private func advance(_ gates: UnsafeMutablePointer<Float>, _ step: Int, _ run: Run) {
    for item in 0..<inputs.batch {
      let row = gates + item * width
      let old = run.memories.pointer(Float.self) + step * size + item * hidden
      let (memory, state) = (
        old + size, run.states.pointer(Float.self) + (step + 1) * size + item * hidden
      )
      for i in 0..<hidden {
        for gate in 0..<3 { row[gate * hidden + i] = 1 / (1 + expf(-row[gate * hidden + i])) }
        row[3 * hidden + i] = tanhf(row[3 * hidden + i])
        memory[i] = row[2 * hidden + i] * old[i] + row[i] * row[3 * hidden + i]
        state[i] = row[hidden + i] * tanhf(memory[i])
      }
    }
  }

  private func backward(_ direction: Int, _ run: Run, _ results: [Tensor?]) throws {
    let (steps, batch) = (inputs.steps, inputs.batch)
    let dState = try last(1, direction)
    let dMemory = try last(2, direction)
    // Of the gates before their activations, by place in the sequence.
    let slopes = try context.make(.float32, [steps, batch, width])
    let weights = inputs.state.pointer(Float.self) + direction * width * hidden
    for step in (0..<steps).reversed() {
      try context.work.cancellation.check()
      let place = place(step, direction)
      let slope = slopes.pointer(Float.self) + place * batch * width
      if let upper = call.gradients.first ?? nil {
        let source =
          upper.pointer(Float.self) + (place * layer.directionCount + direction) * size
        for i in 0..<size { dState.pointer(Float.self)[i] += source[i] }
      }
      goBack(step, run, slope, dState, dMemory)
      BLAS.multiply(
        m: batch, n: hidden, k: width, a: slope, strideA: width, b: weights, strideB: hidden,
        c: dState.pointer(Float.self), strideC: hidden)
      if let target = results[2] {
        BLAS.multiply(
          transposesA: true, transposesB: false, m: width, n: hidden, k: batch, a: slope,
          strideA: width, b: run.states.pointer(Float.self) + step * size, strideB: hidden,
          beta: 1, c: target.pointer(Float.self) + direction * width * hidden, strideC: hidden)
      }
    }
    addInputs(direction, slopes, results)
    for (target, source) in [(results[5], dState), (results[6], dMemory)] {
      guard let target else { continue }
      (target.pointer(Float.self) + direction * size).update(
        from: source.pointer(Float.self), count: size)
    }
  }

  /// The gradient of the last state or memory of a direction; zero where nothing reads it.
  private func last(_ output: Int, _ direction: Int) throws -> Tensor {
    let result = try context.zeros(.float32, [inputs.batch, hidden])
    guard call.gradients.count > output, let given = call.gradients[output] else { return result }
    result.pointer(Float.self).update(
      from: given.pointer(Float.self) + direction * size, count: size)
    return result
  }

  /// From state and memory after a step to its gates and the memory before.
  private func goBack(
    _ step: Int, _ run: Run, _ slope: UnsafeMutablePointer<Float>, _ dState: Tensor,
    _ dMemory: Tensor
  ) {
    for item in 0..<inputs.batch {
      let gates = run.gates.pointer(Float.self) + (step * inputs.batch + item) * width
      let old = run.memories.pointer(Float.self) + step * size + item * hidden
      let memory = old + size
      let row = slope + item * width
      let (upper, carried) = (
        dState.pointer(Float.self) + item * hidden, dMemory.pointer(Float.self) + item * hidden
      )
      for i in 0..<hidden {
        let (input, output) = (gates[i], gates[hidden + i])
        let (forget, cell) = (gates[2 * hidden + i], gates[3 * hidden + i])
        let shape = tanhf(memory[i])
        let dm = carried[i] + upper[i] * output * (1 - shape * shape)
        row[i] = dm * cell * input * (1 - input)
        row[hidden + i] = upper[i] * shape * output * (1 - output)
        row[2 * hidden + i] = dm * old[i] * forget * (1 - forget)
        row[3 * hidden + i] = dm * input * (1 - cell * cell)
        carried[i] = dm * forget
      }
    }
  }

  /// What sequences, their weights and the biases get of the gates of all steps.
  private func addInputs(_ direction: Int, _ slopes: Tensor, _ results: [Tensor?]) {
    let (rows, features) = (inputs.steps * inputs.batch, inputs.features)
    let slope = slopes.pointer(Float.self)
    if let target = results[0] {
      BLAS.multiply(
        m: rows, n: features, k: width, a: slope, strideA: width,
        b: inputs.weight.pointer(Float.self) + direction * width * features, strideB: features,
        beta: 1, c: target.pointer(Float.self), strideC: features)
    }
    if let target = results[1] {
      BLAS.multiply(
        transposesA: true, transposesB: false, m: width, n: features, k: rows, a: slope,
        strideA: width, b: inputs.x.pointer(Float.self), strideB: features, beta: 1,
        c: target.pointer(Float.self) + direction * width * features, strideC: features)
    }
    if let target = results[3] {
      // x · Wᵀ and h · Rᵀ have a bias each.
      let bias = target.pointer(Float.self) + direction * 2 * width
      for row in 0..<rows {
        for i in 0..<width {
          bias[i] += slope[row * width + i]
          bias[width + i] += slope[row * width + i]
        }
      }
    }
  }
}
