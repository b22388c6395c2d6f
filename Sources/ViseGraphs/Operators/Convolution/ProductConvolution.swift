import ViseTensor

/// Convolution of float32 as a matrix product of filters and windows, image by image; any shape.
struct ProductConvolution {
  let shape: ConvolutionShape
  let context: KernelContext

  func run(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ result: Tensor) throws {
    let window = shape.window
    let isPointwise =
      window.kernelCount == 1 && window.strides == [1, 1, 1] && window.padsBefore == [0, 0, 0]
      && window.padsAfter == [0, 0, 0]
    let columnCount = shape.depth * window.outputCount
    guard isPointwise || columnCount <= context.byteLimit / 4 else {
      throw OperatorFault.tooLarge(bytes: columnCount * 4, limit: context.byteLimit)
    }
    try context.work.forEachChunk(of: shape.images * shape.groups, length: 1) { chunk in
      let columns = isPointwise ? nil : FloatBuffer(count: columnCount)
      for item in chunk {
        let (image, group) = (item / shape.groups, item % shape.groups)
        let source =
          x.pointer(Float.self)
          + (image * shape.channels + group * shape.channelsPerGroup) * window.inputCount
        let first = group * shape.filtersPerGroup
        let target =
          result.pointer(Float.self) + (image * shape.filters + first) * window.outputCount
        if let columns {
          ColumnMatrix.fill(
            columns.pointer, from: source, channels: shape.channelsPerGroup, window)
        }
        let isBiased = fillBias(bias, first, target)
        BLAS.multiply(
          m: shape.filtersPerGroup, n: window.outputCount, k: shape.depth,
          a: weight.pointer(Float.self) + first * shape.depth, strideA: shape.depth,
          b: columns?.pointer ?? source, strideB: window.outputCount, beta: isBiased ? 1 : 0,
          c: target, strideC: window.outputCount)
      }
    }
  }

  /// Sets the outputs of a group to its filters' biases; `false` where there are none.
  private func fillBias(
    _ bias: Tensor?, _ first: Int, _ target: UnsafeMutablePointer<Float>
  ) -> Bool {
    guard let bias else { return false }
    for filter in 0..<shape.filtersPerGroup {
      (target + filter * shape.window.outputCount).update(
        repeating: bias.pointer(Float.self)[first + filter], count: shape.window.outputCount)
    }
    return true
  }
}
