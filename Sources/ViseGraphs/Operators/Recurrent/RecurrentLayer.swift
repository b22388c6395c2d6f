import Glibc
import ViseTensor

/// What the three recurrent operators share: sizes, directions, lengths, the activations by name.
struct RecurrentLayer: Sendable {
  let hidden: Int
  let direction: String
  let isBatchFirst: Bool
  let clip: Float?
  /// By direction, the activations in the operator's order.
  let activations: [[RecurrentActivation]]

  var directionCount: Int { direction == "bidirectional" ? 2 : 1 }

  /// - Parameter defaults: the activations of one direction where the node names none.
  init(_ node: NodeDescription, defaults: [String]) throws(OperatorFault) {
    guard let hidden = try node.int("hidden_size"), hidden > 0, hidden < 1 << 24 else {
      throw .attribute("hidden_size")
    }
    self.hidden = hidden
    direction = try node.string("direction", default: "forward")
    guard ["forward", "reverse", "bidirectional"].contains(direction) else {
      throw .attribute("direction")
    }
    isBatchFirst = try node.flag("layout")
    clip = try node.float("clip")
    let count = direction == "bidirectional" ? 2 : 1
    let names = try node.strings("activations") ?? (0..<count).flatMap { _ in defaults }
    guard names.count == count * defaults.count else { throw .attribute("activations") }
    var alphas = (try node.floats("activation_alpha") ?? []).makeIterator()
    var betas = (try node.floats("activation_beta") ?? []).makeIterator()
    var made: [RecurrentActivation] = []
    for name in names {
      guard let activation = RecurrentActivation(name, &alphas, &betas) else {
        throw .unsupported("activation \(name)")
      }
      made.append(activation)
    }
    activations = (0..<count).map {
      Array(made[$0 * defaults.count..<($0 + 1) * defaults.count])
    }
  }

  func isReverse(_ index: Int) -> Bool { direction == "reverse" || index == 1 }

  func clipped(_ value: Float) -> Float {
    clip.map { max(-$0, min($0, value)) } ?? value
  }
}

/// An activation of recurrent cells with its parameters.
struct RecurrentActivation: Sendable {
  private enum Kind: String {
    case sigmoid, tanh, relu, affine, leakyrelu, thresholdedrelu, scaledtanh, hardsigmoid, elu
    case softsign, softplus
  }

  private let kind: Kind
  private let alpha: Float
  private let beta: Float

  init?(
    _ name: String, _ alphas: inout IndexingIterator<[Float]>,
    _ betas: inout IndexingIterator<[Float]>
  ) {
    guard let kind = Kind(rawValue: name.lowercased()) else { return nil }
    self.kind = kind
    let standard: (Float, Float) =
      switch kind {
      case .leakyrelu: (0.01, 0)
      case .thresholdedrelu, .elu: (1, 0)
      case .hardsigmoid: (0.2, 0.5)
      default: (1, 1)
      }
    switch kind {
    case .affine, .scaledtanh, .hardsigmoid:
      alpha = alphas.next() ?? standard.0
      beta = betas.next() ?? standard.1
    case .leakyrelu, .thresholdedrelu, .elu:
      alpha = alphas.next() ?? standard.0
      beta = 0
    default: (alpha, beta) = standard
    }
  }

  @inline(__always)
  func callAsFunction(_ x: Float) -> Float {
    switch kind {
    case .sigmoid: 1 / (1 + expf(-x))
    case .tanh: tanhf(x)
    case .relu: max(0, x)
    case .affine: alpha * x + beta
    case .leakyrelu: x < 0 ? alpha * x : x
    case .thresholdedrelu: x > alpha ? x : 0
    case .scaledtanh: alpha * tanhf(beta * x)
    case .hardsigmoid: max(0, min(1, alpha * x + beta))
    case .elu: x < 0 ? alpha * (expf(x) - 1) : x
    case .softsign: x / (1 + abs(x))
    case .softplus: logf(1 + expf(x))
    }
  }
}

/// The inputs of a recurrent operator, checked: steps × batch × features, one set a direction.
struct RecurrentInputs {
  let x: Tensor
  let weight: Tensor
  let state: Tensor
  let bias: Tensor?
  let lengths: [Int]?
  let initial: Tensor?
  let steps: Int
  let batch: Int
  let features: Int
  let gates: Int

  init(
    _ inputs: KernelInputs, _ layer: RecurrentLayer, gates: Int, _ context: KernelContext
  ) throws {
    let given = try inputs.required(0, .float32)
    guard given.rank == 3 else { throw OperatorFault.shapes("a sequence of \(given.shape)") }
    x =
      layer.isBatchFirst
      ? try RearrangingOperators.transposed(given, [1, 0, 2], context) : given
    weight = try inputs.required(1, .float32)
    state = try inputs.required(2, .float32)
    bias = inputs[3]
    (steps, batch, features) = (x.shape[0], x.shape[1], x.shape[2])
    self.gates = gates
    let (directions, hidden) = (layer.directionCount, layer.hidden)
    guard weight.shape == [directions, gates * hidden, features],
      state.shape == [directions, gates * hidden, hidden],
      bias.map({ $0.shape == [directions, 2 * gates * hidden] && $0.type == .float32 }) ?? true
    else {
      throw OperatorFault.shapes("weights \(weight.shape) and \(state.shape) for \(x.shape)")
    }
    lengths = try inputs.integers(4)
    guard
      lengths.map({ [steps, batch] in
        $0.count == batch && $0.allSatisfy { (0...steps).contains($0) }
      }) ?? true
    else { throw OperatorFault.value("sequence lengths that do not fit") }
    initial = try Self.state(inputs[5], layer, directions, batch, context)
  }

  /// A state before the first step as directions × batch × hidden.
  static func state(
    _ given: Tensor?, _ layer: RecurrentLayer, _ directions: Int, _ batch: Int,
    _ context: KernelContext
  ) throws -> Tensor? {
    guard let given else { return nil }
    guard given.type == .float32, given.rank == 3 else {
      throw OperatorFault.shapes("a state of \(given.shape)")
    }
    let state =
      layer.isBatchFirst
      ? try RearrangingOperators.transposed(given, [1, 0, 2], context) : given
    guard state.shape == [directions, batch, layer.hidden] else {
      throw OperatorFault.shapes("a state of \(given.shape)")
    }
    return state
  }

  /// x · Wᵀ + b for all steps of one direction: steps · batch × gates · hidden.
  func products(
    _ direction: Int, hidden: Int, stateBias: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let width = gates * hidden
    let result = try context.make(.float32, [steps * batch, width])
    let target = result.pointer(Float.self)
    var row = [Float](repeating: 0, count: width)
    if let bias {
      let source = bias.pointer(Float.self) + direction * 2 * width
      for i in 0..<width { row[i] = source[i] + (stateBias ? source[width + i] : 0) }
    }
    for step in 0..<steps * batch { (target + step * width).update(from: row, count: width) }
    guard result.count > 0, features > 0 else { return result }
    BLAS.multiplyTransposed(
      m: steps * batch, n: width, k: features, a: x.pointer(Float.self), strideA: features,
      b: weight.pointer(Float.self) + direction * width * features, strideB: features, beta: 1,
      c: target, strideC: width)
    return result
  }

  /// The steps in which sequence `item` is read by a direction.
  func order(_ layer: RecurrentLayer, _ direction: Int, step: Int, item: Int) -> Int? {
    let length = lengths?[item] ?? steps
    guard step < length else { return nil }
    return layer.isReverse(direction) ? length - 1 - step : step
  }
}
