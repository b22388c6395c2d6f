import ViseTensor

/// Applies functions to each element of a tensor.
enum UnaryLoop {
  /// result[i] = body(x[i]), for float32 or float64; the double form serves both where it is alone.
  @inline(__always)
  static func floats(
    _ x: Tensor, _ context: KernelContext, _ single: (Float) -> Float,
    _ double: (Double) -> Double
  ) throws -> Tensor {
    let result = try context.make(x.type, x.shape)
    switch x.type {
    case .float32: apply(x, result, single)
    case .float64: apply(x, result, double)
    default: throw OperatorFault.unsupportedType(input: 0, x.type)
    }
    return result
  }

  /// The same with one function on doubles.
  @inline(__always)
  static func doubles(
    _ x: Tensor, _ context: KernelContext, _ body: (Double) -> Double
  ) throws -> Tensor {
    try floats(x, context, { Float(body(Double($0))) }, body)
  }

  @inline(__always)
  static func apply<A: BitwiseCopyable, B: BitwiseCopyable>(
    _ x: Tensor, _ result: Tensor, _ body: (A) -> B
  ) {
    let (source, target) = (x.pointer(A.self), result.pointer(B.self))
    for index in 0..<x.count { target[index] = body(source[index]) }
  }
}
