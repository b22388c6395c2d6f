import ViseTensor

/// Products and convolutions of integer codes.
///
/// Codes less their zero points are multiplied as doubles, which hold every sum of them exactly.
enum QuantizedProductOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("MatMulInteger") { _ in
      { inputs, context in
        let a = try shifted(inputs, 0, zero: 2, isRow: true, context)
        let b = try shifted(inputs, 1, zero: 3, isRow: false, context)
        let product = try ProductOperators.matrixProduct(a, b, context)
        return [try TypeConversion.convert(product, to: .int32, context)]
      }
    },
    OperatorDefinition("ConvInteger") { node in
      let window = try SpatialWindow(node)
      let groups = try node.int("group", default: 1)
      return { inputs, context in
        let x = try shifted(inputs, 0, zero: 2, isRow: false, context)
        let weight = try shiftedFilters(inputs, 1, zero: 3, context)
        let sums = try ConvolutionOperators.run(
          x, weight, nil, groups: groups, window, context)
        return [try TypeConversion.convert(sums, to: .int32, context)]
      }
    },
    OperatorDefinition("QLinearMatMul") { _ in
      { inputs, context in
        let a = try shifted(inputs, 0, zero: 2, isRow: true, context)
        let b = try shifted(inputs, 3, zero: 5, isRow: false, context)
        let product = try ProductOperators.matrixProduct(a, b, context)
        let scales = try ArithmeticOperators.pair(
          .multiply, aligned(inputs.required(1), product, isRow: true, context),
          aligned(inputs.required(4), product, isRow: false, context), context)
        return [try requantized(product, scales, inputs, scale: 6, zero: 7, context)]
      }
    },
    OperatorDefinition("QLinearConv") { node in
      let window = try SpatialWindow(node)
      let groups = try node.int("group", default: 1)
      return { inputs, context in
        let x = try shifted(inputs, 0, zero: 2, isRow: false, context)
        let weight = try shiftedFilters(inputs, 3, zero: 5, context)
        let bias = try inputs[8].map { try TypeConversion.convert($0, to: .float64, context) }
        let sums = try ConvolutionOperators.run(
          x, weight, bias, groups: groups, window, context)
        let filters = try TypeConversion.convert(inputs.required(4), to: .float64, context)
        let shape =
          filters.count == 1
          ? [] : [1, filters.count] + [Int](repeating: 1, count: max(0, sums.rank - 2))
        let scales = try ArithmeticOperators.pair(
          .multiply, try TypeConversion.convert(inputs.required(1), to: .float64, context),
          filters.reshaped(checked: shape), context)
        return [try requantized(sums, scales, inputs, scale: 6, zero: 7, context)]
      }
    },
  ]

  /// Codes less their zero points as doubles; zero points of rows or columns where there are many.
  private static func shifted(
    _ inputs: KernelInputs, _ index: Int, zero: Int, isRow: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let codes = try inputs.required(index)
    guard codes.type == .int8 || codes.type == .uint8 else {
      throw OperatorFault.unsupportedType(input: index, codes.type)
    }
    let values = try TypeConversion.convert(codes, to: .float64, context)
    guard let zero = inputs[zero] else { return values }
    let points = try aligned(zero, values, isRow: isRow, context)
    let result = try ArithmeticOperators.pair(.subtract, values, points, context)
    guard result.shape == codes.shape else {
      throw OperatorFault.shapes("zero points of \(zero.shape) for \(codes.shape)")
    }
    return result
  }

  private static func shiftedFilters(
    _ inputs: KernelInputs, _ index: Int, zero: Int, _ context: KernelContext
  ) throws -> Tensor {
    let codes = try inputs.required(index)
    let values = try TypeConversion.convert(codes, to: .float64, context)
    guard let zero = inputs[zero] else { return values }
    let points = try TypeConversion.convert(zero, to: .float64, context)
    let shape = points.count == 1 ? [] : [points.count] + codes.shape.dropFirst().map { _ in 1 }
    return try ArithmeticOperators.pair(
      .subtract, values, points.reshaped(checked: shape), context)
  }

  /// Numbers a row or a column, as doubles that broadcast against the matrices.
  private static func aligned(
    _ x: Tensor, _ matrices: Tensor, isRow: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let values = try TypeConversion.convert(x, to: .float64, context)
    if values.count == 1 { return values.reshaped([]) }
    return isRow && values.rank == 1 ? values.reshaped([values.count, 1]) : values
  }

  /// round(sums · scales / scale) + zero in the type of the zero point.
  private static func requantized(
    _ sums: Tensor, _ scales: Tensor, _ inputs: KernelInputs, scale: Int, zero: Int,
    _ context: KernelContext
  ) throws -> Tensor {
    let real = try ArithmeticOperators.pair(.multiply, sums, scales, context)
    return try QuantizationGrid().quantize(
      real, inputs.required(scale), inputs[zero], nil, context)
  }
}
