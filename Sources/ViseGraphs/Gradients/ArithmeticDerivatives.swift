import Glibc
import ViseTensor

/// Derivatives of operations on two numbers, with broadcasting, and of sums and means.
enum ArithmeticDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("Add") { _ in { try sum($0, $1) } },
    DerivativeDefinition("Sum") { _ in { try sum($0, $1) } },
    DerivativeDefinition("Sub") { _ in { try difference($0, $1) } },
    DerivativeDefinition("Mul") { _ in { try product($0, $1) } },
    DerivativeDefinition("Div") { _ in { try quotient($0, $1) } },
    DerivativeDefinition("Pow") { _ in { try power($0, $1) } },
    reduction("ReduceMean", isMean: true), reduction("ReduceSum", isMean: false),
  ]

  private static func sum(_ call: DerivativeCall, _ context: KernelContext) throws -> [Tensor?] {
    let dy = try call.gradient()
    return try call.wanted.indices.map { index in
      try call.wants(index)
        ? BroadcastGradient.reduced(dy, to: call.inputs.required(index).shape, context) : nil
    }
  }

  private static func difference(
    _ call: DerivativeCall, _ context: KernelContext
  ) throws -> [Tensor?] {
    let dy = try call.gradient()
    let b = try call.inputs.required(1)
    let db =
      call.wants(1)
      ? try UnaryLoop.floats(
        BroadcastGradient.reduced(dy, to: b.shape, context), context, { -$0 }, { -$0 }) : nil
    let a = try call.inputs.required(0).shape
    return [call.wants(0) ? try BroadcastGradient.reduced(dy, to: a, context) : nil, db]
  }

  private static func product(
    _ call: DerivativeCall, _ context: KernelContext
  ) throws -> [Tensor?] {
    let dy = try call.gradient()
    let inputs = [try call.inputs.required(0, .float32), try call.inputs.required(1, .float32)]
    return try (0..<2).map { index in
      guard call.wants(index) else { return nil }
      let full = try ArithmeticOperators.pair(.multiply, dy, inputs[1 - index], context)
      return try BroadcastGradient.reduced(full, to: inputs[index].shape, context)
    }
  }

  /// d(a/b) = da/b − y·db/b.
  private static func quotient(
    _ call: DerivativeCall, _ context: KernelContext
  ) throws -> [Tensor?] {
    let (a, b) = (try call.inputs.required(0, .float32), try call.inputs.required(1, .float32))
    let scaled = try ArithmeticOperators.pair(.divide, call.gradient(), b, context)
    var db: Tensor?
    if call.wants(1) {
      let full = try ArithmeticOperators.pair(.multiply, scaled, call.outputs[0], context)
      db = try UnaryLoop.floats(
        BroadcastGradient.reduced(full, to: b.shape, context), context, { -$0 }, { -$0 })
    }
    return [call.wants(0) ? try BroadcastGradient.reduced(scaled, to: a.shape, context) : nil, db]
  }

  /// d(xᵖ) = p·xᵖ⁻¹ for an exponent that is not trained.
  private static func power(_ call: DerivativeCall, _ context: KernelContext) throws -> [Tensor?] {
    let (x, p) = (try call.inputs.required(0, .float32), try call.inputs.required(1))
    guard !call.wants(1) else { throw OperatorFault.unsupported("a gradient by an exponent") }
    let loop = try BinaryLoop(x, TypeConversion.convert(p, to: .float32, context))
    let slope = try context.make(.float32, loop.shape)
    loop.fill(slope) { (x: Float, p: Float) in
      p == 2 ? 2 * x : p * powf(x, p - 1)
    }
    let full = try ArithmeticOperators.pair(.multiply, call.gradient(), slope, context)
    return [try BroadcastGradient.reduced(full, to: x.shape, context)]
  }

  private static func reduction(_ name: String, isMean: Bool) -> DerivativeDefinition {
    DerivativeDefinition(name) { node in
      let axes = try node.ints("axes")
      return { call, context in
        [try spread(call, axes: call.inputs.integers(1) ?? axes, isMean: isMean, context)]
      }
    }
  }

  /// Each element that was summed gets the sum's gradient, divided by their number for a mean.
  private static func spread(
    _ call: DerivativeCall, axes: [Int]?, isMean: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
    let axes = axes?.isEmpty == true ? nil : axes
    let kept = try ReductionLayout(x.shape, axes: axes, keeps: true).shape
    let scale = isMean ? Float(dy.count) / Float(max(x.count, 1)) : 1
    let scaled = try UnaryLoop.floats(dy, context, { $0 * scale }, { $0 * Double(scale) })
    return try RearrangingOperators.expanded(scaled.reshaped(checked: kept), x.shape, context)
  }
}
