public import ViseFormats
public import ViseTensor

/// Multiplications with an addition that a graph's products and convolutions take, counted exactly.
///
/// The graph is run once, since the shapes of values inside may depend on its input; normalizations,
/// activations and sums are not counted.
public struct GraphCost: Sendable {
  /// For the whole input: divide by its images for one.
  public let macs: Int
  /// By the name of the first value an operation makes, what it takes of them.
  public let macsByValue: [String: Int]
  /// The same as kernels compute them that hold 16 channels in a vector: the channels a convolution
  /// reads and makes rounded up to whole vectors, those of few planes such as colours not.
  public let vectorMacs: Int
  /// Floats that convolutions and products read and make besides weights, channels rounded alike.
  public let vectorFloats: Int
  /// Operators that multiply matrices inside and are not counted; sorted.
  public let uncounted: [String]

  private static let uncountable: Set<String> = ["Attention", "Einsum", "MultiHeadAttention"]

  /// Runs `model` on `input`, its first input.
  public init(_ model: ONNXModel, input: Tensor, context: GraphContext) throws {
    let program = try GraphProgram(model)
    guard let first = program.inputValues.first, program.inputs.count == 1 else {
      throw GraphError.missingInput(program.inputs.dropFirst().first?.name ?? "")
    }
    let nodes = program.graph.nodes
    // What follows from constants is made once, as the model is loaded.
    let isKnown = program.knownValues
    let counted = nodes.compactMap { node in
      Self.operands(of: node).flatMap { isKnown[node.outputs[0]] ? nil : (node, $0) }
    }
    let wanted = Set(counted.flatMap { [$1.x, $1.weight, $0.outputs[0]] })
    let made = try program.run([first: input], wanted: Array(wanted), context: context)
    var (sum, rounded, moved) = (0, 0, 0)
    var byValue: [String: Int] = [:]
    for (node, operands) in counted {
      guard let x = made[operands.x]?.shape, let weight = made[operands.weight]?.shape,
        let output = made[node.outputs[0]]?.shape
      else { continue }
      let count = Self.macs(node, x: x, weight: weight, output: output)
      sum += count
      byValue[program.valueName(node.outputs[0])] = count
      rounded += Self.rounded(count, node, weight)
      moved += Self.floats(x, node, Self.wholeInputs) + Self.floats(output, node, Self.whole)
    }
    macs = sum
    macsByValue = byValue
    vectorMacs = rounded
    vectorFloats = moved
    uncounted = Set(nodes.map(\.type)).intersection(Self.uncountable).sorted()
  }

  /// A prior of the time, in MACs of a kernel that waits for nothing.
  public var time: Int { Self.time(macs: vectorMacs, floats: vectorFloats) }

  /// What a float that is moved costs, in MACs: a core with 512-bit units does 32 in a cycle, and about
  /// a cycle a float is what ONNX Runtime took beyond its products on the sample ResNet-20.
  ///
  /// Chosen on that one model and machine; `vise study latency` tells how far it is off for others.
  static func time(macs: Int, floats: Int) -> Int { macs + 32 * floats }

  /// The values an operation multiplies; `nil` for operations that are not counted.
  static func operands(of node: GraphNode) -> (x: Int, weight: Int)? {
    let weight: Int
    switch node.type {
    case "Conv", "ConvTranspose", "ConvInteger", "Gemm", "MatMul", "MatMulInteger": weight = 1
    case "LSTM", "GRU", "RNN": weight = 1
    case "QLinearConv", "QLinearMatMul": weight = 3
    default: return nil
    }
    guard node.inputs.count > weight, node.outputs.first ?? -1 >= 0,
      node.inputs[0] >= 0, node.inputs[weight] >= 0
    else { return nil }
    return (node.inputs[0], node.inputs[weight])
  }

  /// `count` with the channels of a convolution in whole vectors.
  private static func rounded(_ count: Int, _ node: GraphNode, _ weight: [Int]) -> Int {
    guard isVectored(node), weight.count > 2, weight[0] > 0, weight[1] > 0 else { return count }
    return count / (weight[0] * weight[1]) * whole(weight[0]) * wholeInputs(weight[1])
  }

  /// Whether kernels hold the operation's channels in vectors: convolutions of one group.
  static func isVectored(_ node: GraphNode) -> Bool {
    if case .int(let groups)? = node.attributes["group"], groups != 1 { return false }
    return node.type == "Conv"
  }

  static func whole(_ channels: Int) -> Int { (channels + 15) / 16 * 16 }

  static func wholeInputs(_ channels: Int) -> Int {
    channels > 4 ? whole(channels) : channels
  }

  /// The floats of a value, the channels of images as a convolution's vectors have them.
  private static func floats(
    _ shape: [Int], _ node: GraphNode, _ channels: (Int) -> Int
  ) -> Int {
    let count = shape.reduce(1, *)
    guard isVectored(node), shape.count > 2, shape[1] > 0 else { return count }
    return count / shape[1] * channels(shape[1])
  }

  private static func macs(_ node: GraphNode, x: [Int], weight: [Int], output: [Int]) -> Int {
    func product(_ shape: some Sequence<Int>) -> Int { shape.reduce(1, *) }
    switch node.type {
    case "ConvTranspose": return product(x) * product(weight.dropFirst())
    case "Conv", "ConvInteger", "QLinearConv": return product(output) * product(weight.dropFirst())
    case "LSTM", "GRU", "RNN":
      // Gates read the input and as many values of the state as one gate has rows.
      let gates = ["LSTM": 4, "GRU": 3][node.type] ?? 1
      return x[0] * x[1] * (product(weight) + product(weight.prefix(2)) * (weight[1] / gates))
    case "Gemm":
      if case .int(1)? = node.attributes["transA"] { return product(output) * (x.first ?? 1) }
      return product(output) * (x.last ?? 1)
    default: return product(output) * (x.last ?? 1)
    }
  }
}
