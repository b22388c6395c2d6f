import ViseTensor

/// Convolutions of float images.
enum ConvolutionOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Conv") { node in
      let window = try SpatialWindow(node)
      let groups = try node.int("group", default: 1)
      let cache = FilterCache()
      return { inputs, context in
        [
          try run(
            inputs.required(0), inputs.required(1), inputs[2], groups: groups, window, context,
            cache: cache)
        ]
      }
    },
    OperatorDefinition("ConvTranspose") { node in
      let transpose = try TransposedConvolution(node)
      return { inputs, context in
        [try transpose.run(inputs.required(0), inputs.required(1), inputs[2], context)]
      }
    },
  ]

  /// - Parameters:
  ///   - cache: where filters are kept as the kernels read them; `nil` arranges them anew.
  ///   - finish: what is done to the sums on their way out.
  static func run(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, groups: Int, _ window: SpatialWindow,
    _ context: KernelContext, cache: FilterCache? = nil, finish: ConvolutionFinish? = nil
  ) throws -> Tensor {
    let shape = try ConvolutionShape(x.shape, weight: weight.shape, groups: groups, window)
    guard weight.type == x.type, bias?.type ?? x.type == x.type else {
      throw OperatorFault.unsupportedType(input: 1, weight.type)
    }
    guard bias?.shape ?? [shape.filters] == [shape.filters] else {
      throw OperatorFault.shapes("a bias of \(bias?.shape ?? []) for \(shape.filters) filters")
    }
    let result = try context.make(x.type, shape.outputShape)
    guard result.count > 0 else { return result }
    switch x.type {
    case .float32:
      let finish = finish ?? ConvolutionFinish()
      guard finish.fits(shape) else {
        throw OperatorFault.shapes("a sum with \(shape.outputShape)")
      }
      if BlockedConvolution.suits(shape, context) {
        let filters = (cache ?? FilterCache()).filters(of: weight, shape)
        try BlockedConvolution(
          shape: shape, filters: filters, bias: bias, finish: finish, context: context
        ).run(x, result)
      } else if DepthwiseConvolution.suits(shape, context) {
        try DepthwiseConvolution(shape: shape, context: context).run(x, weight, bias, result)
        finish.apply(to: result, shape)
      } else {
        try ProductConvolution(shape: shape, context: context).run(x, weight, bias, result)
        finish.apply(to: result, shape)
      }
    case .float64:
      PlainConvolution<Double>(shape: shape).run(
        x.pointer(Double.self), weight: weight.pointer(Double.self),
        bias: bias.map { UnsafePointer($0.pointer(Double.self)) },
        result: result.pointer(Double.self))
    default: throw OperatorFault.unsupportedType(input: 0, x.type)
    }
    return result
  }
}
