import Glibc
import ViseTensor

/// Functions of one number.
enum UnaryOperators {
  static let all: [OperatorDefinition] =
    functions.map { name, single, double in
      OperatorDefinition(name) { _ in
        { inputs, context in
          [try UnaryLoop.floats(inputs.required(0), context, single, double)]
        }
      }
    } + [
      OperatorDefinition("Sqrt") { _ in
        { [try UnaryLoop.floats($0.required(0), $1, { $0.squareRoot() }, { $0.squareRoot() })] }
      },
      OperatorDefinition("Reciprocal") { _ in
        { [try UnaryLoop.floats($0.required(0), $1, { 1 / $0 }, { 1 / $0 })] }
      },
      OperatorDefinition("Abs") { _ in { try [signed(.absolute, $0, $1)] } },
      OperatorDefinition("Neg") { _ in { try [signed(.negative, $0, $1)] } },
      OperatorDefinition("Sign") { _ in { try [signed(.sign, $0, $1)] } },
      OperatorDefinition("IsNaN") { _ in { try [test($0, $1) { $0.isNaN }] } },
      OperatorDefinition("IsInf") { node in
        let (high, low) = (
          try node.flag("detect_positive", default: true),
          try node.flag("detect_negative", default: true)
        )
        return { try [test($0, $1) { $0.isInfinite && ($0 > 0 ? high : low) }] }
      },
      OperatorDefinition("BitwiseNot") { _ in { try [complement($0, $1)] } },
    ]

  private typealias Function = (
    String, @Sendable (Float) -> Float, @Sendable (Double) -> Double
  )

  private static let functions: [Function] = [
    ("Acos", { acosf($0) }, { acos($0) }), ("Acosh", { acoshf($0) }, { acosh($0) }),
    ("Asin", { asinf($0) }, { asin($0) }), ("Asinh", { asinhf($0) }, { asinh($0) }),
    ("Atan", { atanf($0) }, { atan($0) }), ("Atanh", { atanhf($0) }, { atanh($0) }),
    ("Ceil", { $0.rounded(.up) }, { $0.rounded(.up) }),
    ("Cos", { cosf($0) }, { cos($0) }), ("Cosh", { coshf($0) }, { cosh($0) }),
    ("Erf", { erff($0) }, { erf($0) }), ("Exp", { expf($0) }, { exp($0) }),
    ("Floor", { $0.rounded(.down) }, { $0.rounded(.down) }),
    ("Log", { logf($0) }, { log($0) }),
    ("Round", { $0.rounded(.toNearestOrEven) }, { $0.rounded(.toNearestOrEven) }),
    ("Sin", { sinf($0) }, { sin($0) }), ("Sinh", { sinhf($0) }, { sinh($0) }),
    ("Tan", { tanf($0) }, { tan($0) }), ("Tanh", { tanhf($0) }, { tanh($0) }),
  ]

  enum Signed {
    case absolute, negative, sign
  }

  private static func signed(
    _ kind: Signed, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let input = try inputs.required(0)
    let result = try context.make(input.type, input.shape)
    try input.type.dispatch(SignedVisitor(kind: kind, input: input, result: result))
    return result
  }

  private struct SignedVisitor: NumberVisitor {
    let kind: Signed
    let input: Tensor
    let result: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws {
      switch kind {
      case .absolute:
        UnaryLoop.apply(input, result) { (x: T) in
          x < T.zero || x == T.zero ? T.wrappingSubtract(T.zero, x) : x
        }
      case .negative:
        UnaryLoop.apply(input, result) { (x: T) in
          T.wrappingMultiply(x, T.wrappingSubtract(T.zero, T(nearest: 1)))
        }
      case .sign:
        UnaryLoop.apply(input, result) { (x: T) in
          x != x
            ? x
            : x > T.zero
              ? T(nearest: 1)
              : x < T.zero ? T.wrappingSubtract(T.zero, T(nearest: 1)) : T.zero
        }
      }
    }
  }

  private static func test(
    _ inputs: KernelInputs, _ context: KernelContext, _ body: (Double) -> Bool
  ) throws -> Tensor {
    let input = try inputs.required(0)
    let result = try context.make(.bool, input.shape)
    switch input.type {
    case .float32:
      UnaryLoop.apply(input, result) { (x: Float) in (body(Double(x)) ? 1 : 0) as UInt8 }
    case .float64: UnaryLoop.apply(input, result) { (x: Double) in (body(x) ? 1 : 0) as UInt8 }
    default: throw OperatorFault.unsupportedType(input: 0, input.type)
    }
    return result
  }

  private static func complement(
    _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let input = try inputs.required(0)
    guard !input.type.isFloating, input.type != .bool else {
      throw OperatorFault.unsupportedType(input: 0, input.type)
    }
    let result = try context.make(input.type, input.shape)
    try input.type.dispatchWidth(ComplementVisitor(input: input, result: result))
    return result
  }

  private struct ComplementVisitor: WidthVisitor {
    let input: Tensor
    let result: Tensor

    func visit<T: FixedWidthInteger & BitwiseCopyable & Sendable>(_: T.Type) throws {
      UnaryLoop.apply(input, result) { (x: T) in ~x }
    }
  }
}
