import ViseTensor

/// Derivatives of convolutions.
enum ConvolutionDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("Conv") { node in
      let window = try SpatialWindow(node)
      let groups = try node.int("group", default: 1)
      return { call, context in
        let (x, weight) = (try call.inputs.required(0, .float32), try call.inputs.required(1))
        let derivative = ConvolutionDerivative(
          shape: try ConvolutionShape(x.shape, weight: weight.shape, groups: groups, window),
          context: context)
        let dy = try call.gradient()
        return [
          call.wants(0) ? try derivative.inputGradient(dy, weight, x.shape) : nil,
          call.wants(1) ? try derivative.weightGradient(dy, x, weight.shape) : nil,
          call.wants(2) ? try derivative.biasGradient(dy) : nil,
        ]
      }
    }
  ]
}

/// The gradients of y[n,m] = bias[m] + Σ_c w[m,c] ∗ x[n,c].
struct ConvolutionDerivative {
  let shape: ConvolutionShape
  let context: KernelContext

  private var window: SpatialWindow.Placement { shape.window }

  private var isPointwise: Bool {
    window.kernelCount == 1 && window.strides == [1, 1, 1] && window.padsBefore == [0, 0, 0]
      && window.padsAfter == [0, 0, 0]
  }

  /// Σ over images and places of dy.
  func biasGradient(_ dy: Tensor) throws -> Tensor {
    let result = try context.zeros(.float32, [shape.filters])
    let length = window.outputCount
    for plane in 0..<shape.images * shape.filters {
      result.pointer(Float.self)[plane % shape.filters] += FloatSums.sum(
        dy.pointer(Float.self) + plane * length, count: length)
    }
    return result
  }

  /// dw = Σ over images of dy · columnsᵀ, columns being the windows of the image (im2col).
  func weightGradient(_ dy: Tensor, _ x: Tensor, _ weightShape: [Int]) throws -> Tensor {
    let result = try context.zeros(.float32, weightShape)
    if BlockedConvolution.suits(shape, context) {
      try BlockedWeightGradient(shape: shape, context: context).add(dy, x, to: result)
      return result
    }
    if DepthwiseConvolution.suits(shape, context) {
      try DepthwiseConvolution(shape: shape, context: context)
        .addWeightGradient(dy, x, to: result)
      return result
    }
    let columns = isPointwise ? nil : FloatBuffer(count: shape.depth * window.outputCount)
    for image in 0..<shape.images {
      for group in 0..<shape.groups {
        let source =
          x.pointer(Float.self)
          + (image * shape.channels + group * shape.channelsPerGroup) * window.inputCount
        let first = group * shape.filtersPerGroup
        if let columns {
          ColumnMatrix.fill(
            columns.pointer, from: source, channels: shape.channelsPerGroup, window)
        }
        BLAS.multiplyTransposed(
          m: shape.filtersPerGroup, n: shape.depth, k: window.outputCount,
          a: dy.pointer(Float.self) + (image * shape.filters + first) * window.outputCount,
          strideA: window.outputCount, b: columns?.pointer ?? source,
          strideB: window.outputCount, beta: 1,
          c: result.pointer(Float.self) + first * shape.depth, strideC: shape.depth)
      }
    }
    return withExtendedLifetime(columns) { result }
  }

  /// dx: with a stride of 1 the convolution of dy with the mirrored filters, else columns scattered.
  func inputGradient(_ dy: Tensor, _ weight: Tensor, _ inputShape: [Int]) throws -> Tensor {
    guard let mirrored = mirroredShape() else {
      return try scattered(dy, weight, inputShape)
    }
    let result = try context.make(.float32, inputShape)
    guard result.count > 0 else { return result }
    let filters = try mirror(weight)
    if BlockedConvolution.suits(mirrored, context) {
      try BlockedConvolution(
        shape: mirrored, filters: PackedFilters(filters, mirrored), bias: nil,
        finish: ConvolutionFinish(), context: context
      ).run(dy, result)
    } else if DepthwiseConvolution.suits(mirrored, context) {
      try DepthwiseConvolution(shape: mirrored, context: context).run(dy, filters, nil, result)
    } else {
      try ProductConvolution(shape: mirrored, context: context).run(dy, filters, nil, result)
    }
    return result
  }

  /// The convolution that goes from dy to dx; `nil` where there is none without gaps.
  private func mirroredShape() -> ConvolutionShape? {
    let extents = (0..<3).map { (window.kernel[$0] - 1) * window.dilations[$0] }
    let before = (0..<3).map { extents[$0] - window.padsBefore[$0] }
    let after = (0..<3).map {
      window.input[$0] + extents[$0] - window.output[$0] - before[$0]
    }
    guard window.strides == [1, 1, 1], (before + after).allSatisfy({ $0 >= 0 }) else {
      return nil
    }
    return ConvolutionShape(
      images: shape.images, channels: shape.filters, filters: shape.channels,
      groups: shape.groups,
      window: SpatialWindow.Placement(
        input: window.output, kernel: window.kernel, strides: window.strides,
        dilations: window.dilations, padsBefore: before, padsAfter: after, output: window.input,
        rank: window.rank))
  }

  /// Filters M × C/g × k as C × M/g × k, each kernel mirrored.
  private func mirror(_ weight: Tensor) throws -> Tensor {
    let (kernel, inner, outer) = (
      window.kernelCount, shape.channelsPerGroup, shape.filtersPerGroup
    )
    let result = try context.make(
      .float32, [shape.channels, outer] + window.kernel.suffix(window.rank))
    let (source, target) = (weight.pointer(Float.self), result.pointer(Float.self))
    for group in 0..<shape.groups {
      for filter in 0..<outer {
        for channel in 0..<inner {
          let from = source + ((group * outer + filter) * inner + channel) * kernel
          let to = target + ((group * inner + channel) * outer + filter) * kernel
          for k in 0..<kernel { to[k] = from[kernel - 1 - k] }
        }
      }
    }
    return result
  }

  /// columns = wᵀ · dy, added back to the places the windows read.
  private func scattered(_ dy: Tensor, _ weight: Tensor, _ inputShape: [Int]) throws -> Tensor {
    let result = try context.zeros(.float32, inputShape)
    let columns = FloatBuffer(count: shape.depth * window.outputCount)
    for image in 0..<shape.images {
      for group in 0..<shape.groups {
        let first = group * shape.filtersPerGroup
        BLAS.multiply(
          transposesA: true, transposesB: false, m: shape.depth, n: window.outputCount,
          k: shape.filtersPerGroup, a: weight.pointer(Float.self) + first * shape.depth,
          strideA: shape.depth,
          b: dy.pointer(Float.self) + (image * shape.filters + first) * window.outputCount,
          strideB: window.outputCount, c: columns.pointer, strideC: window.outputCount)
        ColumnMatrix.accumulate(
          columns.pointer,
          into: result.pointer(Float.self)
            + (image * shape.channels + group * shape.channelsPerGroup) * window.inputCount,
          channels: shape.channelsPerGroup, window)
      }
    }
    return withExtendedLifetime(columns) { result }
  }
}
