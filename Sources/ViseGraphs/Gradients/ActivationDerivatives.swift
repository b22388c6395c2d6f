import Glibc
import ViseTensor

/// Derivatives of functions of one number, from the input and the output.
enum ActivationDerivatives {
  static let all: [DerivativeDefinition] =
    [
      function("Relu") { _, y in y > 0 ? 1 : 0 },
      function("Sigmoid") { _, y in y * (1 - y) },
      function("Tanh") { _, y in 1 - y * y },
      function("Exp") { _, y in y },
      function("Log") { x, _ in 1 / x },
      function("Sqrt") { _, y in 0.5 / y },
      function("Reciprocal") { _, y in -y * y },
      function("Neg") { _, _ in -1 },
      function("Abs") { x, _ in x < 0 ? -1 : 1 },
      function("Softplus") { x, _ in 1 / (1 + expf(-x)) },
      function("HardSwish") { x, _ in x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5 },
      function("Erf") { x, _ in 1.1283791671 * expf(-x * x) },
      parametric("LeakyRelu", [("alpha", 0.01)]) { x, _, p in x < 0 ? p[0] : 1 },
      parametric("Elu", [("alpha", 1)]) { x, y, p in x < 0 ? y + p[0] : 1 },
      parametric("HardSigmoid", [("alpha", 0.2), ("beta", 0.5)]) { _, y, p in
        y > 0 && y < 1 ? p[0] : 0
      },
      parametric("Swish", [("alpha", 1)]) { x, y, p in
        let gate = 1 / (1 + expf(-p[0] * x))
        return gate + p[0] * y * (1 - gate)
      },
      DerivativeDefinition("Gelu") { node in
        let isTanh = try node.string("approximate", default: "none") == "tanh"
        return { call, context in
          isTanh
            ? try pointwise(call, context) { x, _ in tanhGeluSlope(x) }
            : try pointwise(call, context) { x, _ in geluSlope(x) }
        }
      },
      DerivativeDefinition("Clip") { node in
        let low = try node.float("min") ?? -.infinity
        let high = try node.float("max") ?? .infinity
        return { call, context in
          let low = try call.inputs.scalar(1).map { Float($0) } ?? low
          let high = try call.inputs.scalar(2).map { Float($0) } ?? high
          return try pointwise(call, context) { x, _ in x > low && x < high ? 1 : 0 }
        }
      },
      DerivativeDefinition("PRelu") { _ in { try parametricRelu($0, $1) } },
    ]

  private static func function(
    _ name: String, _ slope: @escaping @Sendable (Float, Float) -> Float
  ) -> DerivativeDefinition {
    DerivativeDefinition(name) { _ in { try pointwise($0, $1, slope) } }
  }

  private static func parametric(
    _ name: String, _ parameters: [(name: String, value: Float)],
    _ slope: @escaping @Sendable (Float, Float, [Float]) -> Float
  ) -> DerivativeDefinition {
    DerivativeDefinition(name) { node in
      let values = try parameters.map { try node.float($0.name, default: $0.value) }
      return { try pointwise($0, $1) { slope($0, $1, values) } }
    }
  }

  /// dx = slope(x, y) · dy.
  @inline(__always)
  private static func pointwise(
    _ call: DerivativeCall, _ context: KernelContext, _ slope: (Float, Float) -> Float
  ) throws -> [Tensor?] {
    let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
    let result = try context.make(.float32, x.shape)
    let y = call.outputs[0]
    let (source, made) = (x.pointer(Float.self), y.pointer(Float.self))
    let (upper, target) = (dy.pointer(Float.self), result.pointer(Float.self))
    withExtendedLifetime((x.storage, y.storage, dy.storage)) {
      for i in 0..<x.count { target[i] = upper[i] * slope(source[i], made[i]) }
    }
    return [result]
  }

  /// Φ(x) + x·φ(x).
  private static func geluSlope(_ x: Float) -> Float {
    0.5 * (1 + erff(x * 0.70710678)) + x * 0.39894228 * expf(-0.5 * x * x)
  }

  private static func tanhGeluSlope(_ x: Float) -> Float {
    let inner = 0.79788456 * (x + 0.044715 * x * x * x)
    let t = tanhf(inner)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.79788456 * (1 + 0.134145 * x * x)
  }

  private static func parametricRelu(
    _ call: DerivativeCall, _ context: KernelContext
  ) throws -> [Tensor?] {
    let (x, slope) = (try call.inputs.required(0, .float32), try call.inputs.required(1, .float32))
    let loop = try BinaryLoop(x, slope)
    let (forX, forSlope) = (
      try context.make(.float32, loop.shape), try context.make(.float32, loop.shape)
    )
    loop.fill(forX) { (x: Float, slope: Float) in x < 0 ? slope : 1 }
    loop.fill(forSlope) { (x: Float, _: Float) in min(x, 0) }
    let dy = try call.gradient()
    let dx = try ArithmeticOperators.pair(.multiply, dy, forX, context)
    guard call.wants(1) else { return [dx] }
    let full = try ArithmeticOperators.pair(.multiply, dy, forSlope, context)
    return [dx, try BroadcastGradient.reduced(full, to: slope.shape, context)]
  }
}
