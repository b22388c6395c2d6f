import Testing
import ViseFormats
import ViseTensor

@testable import ViseGraphs

/// Operations whose gradients are compared with central differences.
///
/// The graph's input is 1 and multiplies the constant `x`, so that the gradient by `x` is that by what
/// the first operation reads.
struct GradientCheck {
  var nodes: [ONNXNode]
  /// Constants that are trained, `x` among them.
  var parameters: [String: Tensor]
  /// Constants that are not.
  var constants: [String: Tensor] = [:]
  var opset = 17
  var batchNormalized: Set<String> = []

  /// Half the distance between the two ends of a difference.
  static let step: Float = 1 / 128

  init(
    _ nodes: [ONNXNode], _ parameters: [String: Tensor], constants: [String: Tensor] = [:],
    opset: Int = 17, batchNormalized: Set<String> = []
  ) {
    self.nodes = nodes
    self.parameters = parameters
    self.constants = constants
    self.opset = opset
    self.batchNormalized = batchNormalized
  }

  static func node(
    _ type: String, _ inputs: [String], _ attributes: [String: ONNXAttribute] = [:],
    to output: String = "y"
  ) -> ONNXNode {
    ONNXNode(name: output, type: type, inputs: inputs, outputs: [output], attributes: attributes)
  }

  private var model: ONNXModel {
    let stored = parameters.merging(constants) { first, _ in first }
    let first = GradientCheck.node("Mul", ["x", "one"], to: "v")
    return ONNXModel(
      path: "", byteCount: 0, irVersion: 8, producer: "", opsets: ["": opset],
      graph: ONNXGraph(
        name: "", nodes: [first] + nodes,
        initializers: stored.keys.sorted().compactMap { name in
          stored[name].map { ONNXTensor(name: name, $0) }
        }, inputs: [ONNXValue(name: "one", elementType: 1, shape: [])],
        outputs: [ONNXValue(name: "y", elementType: 1, shape: nil)]))
  }

  /// The gradient of the output's sum by `x`.
  func gradient() throws -> [Float] {
    let names = parameters.keys.sorted()
    let gradient = try GraphGradient(model, parameters: names, batchNormalized: batchNormalized)
    let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 28)
    let tape = try gradient.forward(
      Tensor([], [Float(1)]), parameters: names.compactMap { parameters[$0] }, context: context)
    let ones = Tensor(tape.output.shape, [Float](repeating: 1, count: tape.output.count))
    let found = try gradient.backward(tape, gradient: ones, context: context)
    return names.firstIndex(of: "x").map { found[$0].values(Float.self) } ?? []
  }

  /// Compares the gradients of Σ r · y, for random r, at up to 40 elements of each parameter.
  func run(seed: UInt64, tolerance: Double = 4e-3) throws {
    let names = parameters.keys.sorted()
    let gradient = try GraphGradient(
      model, parameters: names, batchNormalized: batchNormalized)
    let context = GraphContext(pool: nil, memory: nil, byteLimit: 1 << 28)
    let one = Tensor([], [Float(1)])
    let values = names.compactMap { parameters[$0] }
    let tape = try gradient.forward(one, parameters: values, context: context)
    var random = RandomSource(seed: seed)
    let weights = (0..<tape.output.count).map { _ in Float(random.nextUnit() * 2 - 1) }
    func loss(_ values: [Tensor]) throws -> Double {
      let output = try gradient.forward(one, parameters: values, context: context).output
      return zip(output.values(Float.self), weights).reduce(0) {
        $0 + Double($1.0) * Double($1.1)
      }
    }
    let found = try gradient.backward(
      tape, gradient: Tensor(tape.output.shape, weights), context: context)
    for (index, name) in names.enumerated() {
      #expect(found[index].shape == values[index].shape)
      let slopes = found[index].values(Float.self)
      for element in stride(from: 0, to: slopes.count, by: max(1, slopes.count / 40)) {
        func moved(_ by: Float) throws -> Double {
          var other = values
          var numbers = values[index].values(Float.self)
          numbers[element] += by
          other[index] = Tensor(values[index].shape, numbers)
          return try loss(other)
        }
        let difference = try (moved(Self.step) - moved(-Self.step)) / Double(2 * Self.step)
        let slope = Double(slopes[element])
        #expect(
          abs(slope - difference) <= tolerance * max(1, abs(difference)),
          "seed \(seed), \(name)[\(element)]: \(slope), central difference \(difference)")
      }
    }
  }
}

/// Numbers from −1 to 1.
func uniform(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  return Tensor(shape, (0..<shape.reduce(1, *)).map { _ in Float(source.nextUnit() * 2 - 1) })
}

/// Different numbers that no step of a difference brings past each other, zero or a whole number.
func spaced(_ shape: [Int], seed: UInt64) -> Tensor {
  var source = RandomSource(seed: seed)
  let count = shape.reduce(1, *)
  let order = (0..<count).shuffled(using: &source)
  return Tensor(shape, order.map { (Float($0 - count / 2) + 0.5) * 0.05 })
}
