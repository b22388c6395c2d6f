import Glibc
import ViseTensor

/// Activation functions, each a formula on one number.
enum ActivationOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Relu") { _ in { try [relu($0.required(0), $1)] } },
    OperatorDefinition("Clip", opsets: 1...10) { node in
      let low = try node.float("min", default: -.greatestFiniteMagnitude)
      let high = try node.float("max", default: .greatestFiniteMagnitude)
      return { inputs, context in
        let x = try inputs.required(0, .float32)
        return [try clip(x, Tensor([], [low]), Tensor([], [high]), context)]
      }
    },
    OperatorDefinition("Clip", opsets: 11...1000) { _ in
      { [try clip($0.required(0), $0[1], $0[2], $1)] }
    },
    function("LeakyRelu", [("alpha", 0.01)]) { x, p in x < 0 ? p[0] * x : x },
    function("Elu", [("alpha", 1)]) { x, p in x < 0 ? p[0] * (exp(x) - 1) : x },
    function("Selu", [("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875)]) {
      x, p in x <= 0 ? p[1] * p[0] * (exp(x) - 1) : p[1] * x
    },
    function("Celu", [("alpha", 1)]) { x, p in
      max(0, x) + min(0, p[0] * (exp(x / p[0]) - 1))
    },
    function("Sigmoid", []) { x, _ in 1 / (1 + exp(-x)) },
    function("HardSigmoid", [("alpha", 0.2), ("beta", 0.5)]) { x, p in
      max(0, min(1, p[0] * x + p[1]))
    },
    function("HardSwish", []) { x, _ in x * max(0, min(1, x / 6 + 0.5)) },
    function("Softplus", []) { x, _ in max(x, 0) + log1p(exp(-abs(x))) },
    function("Softsign", []) { x, _ in x / (1 + abs(x)) },
    function("ThresholdedRelu", [("alpha", 1)]) { x, p in x > p[0] ? x : 0 },
    function("Mish", []) { x, _ in x * tanh(max(x, 0) + log1p(exp(-abs(x)))) },
    function("Swish", [("alpha", 1)]) { x, p in x / (1 + exp(-p[0] * x)) },
    function("Shrink", [("lambd", 0.5), ("bias", 0)]) { x, p in
      x < -p[0] ? x + p[1] : x > p[0] ? x - p[1] : 0
    },
    OperatorDefinition("Gelu") { node in
      let isTanh = try node.string("approximate", default: "none") == "tanh"
      return { inputs, context in
        [
          try UnaryLoop.doubles(inputs.required(0), context) { x in
            isTanh
              ? 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
              : 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
          }
        ]
      }
    },
    OperatorDefinition("Dropout", halves: .asTheyAre) { _ in { try dropout($0, $1) } },
  ]

  /// An activation with parameters that are attributes.
  private static func function(
    _ name: String, _ parameters: [(name: String, value: Float)],
    _ body: @escaping @Sendable (Double, [Double]) -> Double
  ) -> OperatorDefinition {
    OperatorDefinition(name) { node in
      let values = try parameters.map { Double(try node.float($0.name, default: $0.value)) }
      return { [try UnaryLoop.doubles($0.required(0), $1) { body($0, values) }] }
    }
  }

  static func relu(_ x: Tensor, _ context: KernelContext) throws -> Tensor {
    let result = try context.make(x.type, x.shape)
    try x.type.dispatch(ReluVisitor(x: x, result: result))
    return result
  }

  private struct ReluVisitor: NumberVisitor {
    let x: Tensor
    let result: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws {
      UnaryLoop.apply(x, result) { (x: T) in x < T.zero ? T.zero : x }
    }
  }

  private static func clip(
    _ x: Tensor, _ low: Tensor?, _ high: Tensor?, _ context: KernelContext
  ) throws -> Tensor {
    let result = try context.make(x.type, x.shape)
    for bound in [low, high].compactMap({ $0 }) {
      guard bound.type == x.type, bound.count == 1 else {
        throw OperatorFault.shapes("a bound that is no single number of the input's type")
      }
    }
    try x.type.dispatch(ClipVisitor(x: x, low: low, high: high, result: result))
    return result
  }

  private struct ClipVisitor: NumberVisitor {
    let x: Tensor
    let low: Tensor?
    let high: Tensor?
    let result: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws {
      let low = low.map { $0.pointer(T.self)[0] }
      let high = high.map { $0.pointer(T.self)[0] }
      UnaryLoop.apply(x, result) { (x: T) in
        var y = x
        if let low { y = larger(y, low) }
        if let high { y = smaller(y, high) }
        return y
      }
    }
  }

  /// Outside training nothing is dropped; the mask says so.
  private static func dropout(_ inputs: KernelInputs, _ context: KernelContext) throws -> [Tensor] {
    let x = try inputs.required(0)
    if try inputs.scalar(2) ?? 0 != 0, try inputs.scalar(1) ?? 0.5 != 0 {
      throw OperatorFault.unsupported("dropout in training")
    }
    let mask = try context.make(.bool, x.shape)
    mask.storage.pointer.initializeMemory(as: UInt8.self, repeating: 1, count: mask.count)
    return [x, mask]
  }
}
