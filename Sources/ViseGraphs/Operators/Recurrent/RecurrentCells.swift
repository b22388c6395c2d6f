import ViseTensor

/// One step of a recurrent network for one sequence of a batch.
///
/// `gates` holds x·Wᵀ + b and is added h·Rᵀ before the call where that is one product.
protocol RecurrentCell: Sendable {
  static var gateCount: Int { get }
  static var activationNames: [String] { get }
  /// Whether h·Rᵀ and its bias are added to all gates beforehand.
  var addsState: Bool { get }
  /// New values of `state` (and `memory`), each of `layer.hidden` floats.
  func step(
    gates: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
    memory: UnsafeMutablePointer<Float>, direction: Int, layer: RecurrentLayer,
    inputs: RecurrentInputs, extra: Tensor?)
}

/// The LSTM of ONNX: gates input, output, forget, cell; peepholes P of input, output, forget.
struct LSTMCell: RecurrentCell {
  static let gateCount = 4
  static let activationNames = ["Sigmoid", "Tanh", "Tanh"]
  let addsState = true
  /// Whether the forget gate is one minus the input gate.
  let coupled: Bool

  func step(
    gates: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
    memory: UnsafeMutablePointer<Float>, direction: Int, layer: RecurrentLayer,
    inputs: RecurrentInputs, extra: Tensor?
  ) {
    let hidden = layer.hidden
    let (f, g, h) = (
      layer.activations[direction][0], layer.activations[direction][1],
      layer.activations[direction][2]
    )
    let peephole = extra.map { $0.pointer(Float.self) + direction * 3 * hidden }
    for i in 0..<hidden {
      let old = memory[i]
      let input = f(layer.clipped(gates[i] + (peephole?[i] ?? 0) * old))
      let forget =
        coupled
        ? 1 - input
        : f(layer.clipped(gates[2 * hidden + i] + (peephole?[2 * hidden + i] ?? 0) * old))
      let cell = forget * old + input * g(layer.clipped(gates[3 * hidden + i]))
      let output = f(layer.clipped(gates[hidden + i] + (peephole?[hidden + i] ?? 0) * cell))
      memory[i] = cell
      state[i] = output * h(cell)
    }
  }
}

/// The GRU of ONNX: gates update, reset, hidden.
struct GRUCell: RecurrentCell {
  static let gateCount = 3
  static let activationNames = ["Sigmoid", "Tanh"]
  let addsState = false
  /// Whether the reset gate scales h·Rᵀ rather than h.
  let resetsProduct: Bool

  func step(
    gates: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
    memory: UnsafeMutablePointer<Float>, direction: Int, layer: RecurrentLayer,
    inputs: RecurrentInputs, extra: Tensor?
  ) {
    let hidden = layer.hidden
    let (f, g) = (layer.activations[direction][0], layer.activations[direction][1])
    let weight = inputs.state.pointer(Float.self) + direction * 3 * hidden * hidden
    let bias = inputs.bias.map { $0.pointer(Float.self) + (direction * 2 + 1) * 3 * hidden }
    func product(_ row: Int, _ x: UnsafePointer<Float>) -> Float {
      Float(Kernels.dot(weight + row * hidden, x, count: hidden)) + (bias?[row] ?? 0)
    }
    for i in 0..<2 * hidden { gates[i] = f(layer.clipped(gates[i] + product(i, state))) }
    let reset = gates + hidden
    var scaled = (0..<hidden).map { reset[$0] * state[$0] }
    for i in 0..<hidden {
      let row = 2 * hidden + i
      gates[row] += resetsProduct ? reset[i] * product(row, state) : product(row, &scaled)
    }
    for i in 0..<hidden {
      let new = g(layer.clipped(gates[2 * hidden + i]))
      state[i] = (1 - gates[i]) * new + gates[i] * state[i]
    }
  }
}

/// The plain recurrent network.
struct ElmanCell: RecurrentCell {
  static let gateCount = 1
  static let activationNames = ["Tanh"]
  let addsState = true

  func step(
    gates: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
    memory: UnsafeMutablePointer<Float>, direction: Int, layer: RecurrentLayer,
    inputs: RecurrentInputs, extra: Tensor?
  ) {
    for i in 0..<layer.hidden {
      state[i] = layer.activations[direction][0](layer.clipped(gates[i]))
    }
  }
}
