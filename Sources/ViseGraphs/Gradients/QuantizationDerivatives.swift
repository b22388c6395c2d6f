import ViseTensor

/// Straight-through derivatives of codes: as if rounding were not there, nothing where it saturates.
///
/// Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons"
/// (2013). Scales and zero points are not trained.
enum QuantizationDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("DequantizeLinear") { node in
      let grid = try QuantizationGrid(node)
      return { call, context in
        guard !call.wants(1) else { throw OperatorFault.unsupported("a scale that is trained") }
        let codes = try call.inputs.required(0)
        let steps = try grid.steps(call.inputs.required(1), over: codes, context)
        return [try ArithmeticOperators.pair(.multiply, call.gradient(), steps, context)]
      }
    },
    DerivativeDefinition("QuantizeLinear") { node in
      let grid = try QuantizationGrid(node)
      return { call, context in
        guard !call.wants(1) else { throw OperatorFault.unsupported("a scale that is trained") }
        return [try passed(call, grid, context)]
      }
    },
    DerivativeDefinition("DynamicQuantizeLinear") { _ in
      { call, context in
        let (dy, scale) = (try call.gradient(), call.outputs[1])
        return [try ArithmeticOperators.pair(.divide, dy, scale, context)]
      }
    },
  ]

  /// dy / step where the code's value is the nearest there could be: within half a step.
  private static func passed(
    _ call: DerivativeCall, _ grid: QuantizationGrid, _ context: KernelContext
  ) throws -> Tensor {
    let (x, scale) = (try call.inputs.required(0, .float32), try call.inputs.required(1))
    let decoded = try grid.dequantize(call.outputs[0], scale, call.inputs[2], context)
    let steps = try grid.steps(scale, over: x, context)
    let errors = try ArithmeticOperators.pair(
      .divide, ArithmeticOperators.pair(.subtract, x, decoded, context), steps, context)
    let scaled = try ArithmeticOperators.pair(.divide, call.gradient(), steps, context)
    let result = try context.make(.float32, x.shape)
    try BinaryLoop(scaled, errors).fill(result) { (gradient: Float, error: Float) in
      abs(error) <= 0.5001 ? gradient : 0
    }
    return result
  }
}

extension QuantizationGrid {
  /// The distance between codes at each element of `x`, as a tensor that broadcasts to its shape.
  func steps(_ scale: Tensor, over x: Tensor, _ context: KernelContext) throws -> Tensor {
    try spread(TypeConversion.convert(scale, to: .float32, context), over: x, context)
  }
}
