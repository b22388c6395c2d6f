import ViseTensor

/// The gradient of a convolution's filters, sixteen at a time, without a matrix of windows.
///
/// dw[k, f] = Σ over outputs p of dy[p, f] · x[place(p) + k]: with the channels of a pixel side by side
/// these are the sums of a convolution whose taps are the outputs and whose pixels are a kernel row's
/// elements.
struct BlockedWeightGradient {
  private let shape: ConvolutionShape
  private let layout: PixelLayout
  private let context: KernelContext
  private let blocks: Int

  /// Floats of images that are summed over at once: few enough to stay in cache.
  private static let chunkLength = 131_072

  init(shape: ConvolutionShape, context: KernelContext) {
    self.shape = shape
    self.context = context
    layout = PixelLayout(shape)
    blocks =
      (shape.filtersPerGroup + ConvolutionKernels.filterBlock - 1) / ConvolutionKernels.filterBlock
  }

  private var window: SpatialWindow.Placement { shape.window }

  /// Adds to `result`, filters × channels a group × kernel.
  func add(_ dy: Tensor, _ x: Tensor, to result: Tensor) throws {
    let most = max(1, min(shape.images, Self.chunkLength / layout.count))
    let block = ConvolutionKernels.filterBlock
    let images = FloatBuffer(count: most * layout.count)
    let outputs = FloatBuffer(count: blocks * most * window.outputCount * block)
    outputs.pointer.update(repeating: 0, count: outputs.count)
    let sums = FloatBuffer(count: window.kernel[2] * shape.channelsPerGroup * blocks * block)
    for group in 0..<shape.groups {
      for first in stride(from: 0, to: shape.images, by: most) {
        try context.work.cancellation.check()
        let chunk = first..<min(first + most, shape.images)
        for image in chunk {
          layout.fill(
            images.pointer + (image - first) * layout.count, from: x, image * shape.groups + group)
          arrange(dy, image, group, place: image - first, of: chunk.count, outputs.pointer)
        }
        let taps = ConvolutionKernels.Taps(offsets: places(chunk.count), length: 1)
        for row in 0..<window.kernel[1] {
          sum(images.pointer, outputs.pointer, taps, row, sums.pointer)
          scatter(sums.pointer, row, group, result)
        }
      }
    }
  }

  /// One image's dy in blocks of filters, each all images' outputs × 16.
  private func arrange(
    _ dy: Tensor, _ image: Int, _ group: Int, place: Int, of count: Int,
    _ outputs: UnsafeMutablePointer<Float>
  ) {
    let block = ConvolutionKernels.filterBlock
    for index in 0..<blocks {
      let first = index * block
      let source =
        dy.pointer(Float.self)
        + (image * shape.filters + group * shape.filtersPerGroup + first) * window.outputCount
      ConvolutionKernels.interleave(
        source, plane: window.outputCount, pixels: window.outputCount,
        channels: min(block, shape.filtersPerGroup - first),
        into: outputs + (index * count + place) * window.outputCount * block, step: block)
    }
  }

  /// The sums of one row of the kernel: its columns and channels × filters.
  private func sum(
    _ images: UnsafePointer<Float>, _ outputs: UnsafePointer<Float>,
    _ taps: ConvolutionKernels.Taps, _ row: Int, _ sums: UnsafeMutablePointer<Float>
  ) {
    let stride = blocks * ConvolutionKernels.filterBlock
    let isDense = window.dilations[2] == 1
    let channels = shape.channelsPerGroup
    for column in 0..<(isDense ? 1 : window.kernel[2]) {
      let corner = layout.place(
        row: row * window.dilations[1], column: column * window.dilations[2])
      ConvolutionKernels.pixelSums(
        weights: outputs, blocks: blocks, taps, image: images + corner, step: 1,
        pixels: (isDense ? window.kernel[2] : 1) * channels,
        into: sums + column * channels * stride, stride: stride)
    }
  }

  /// Where each output of `count` images reads its window's corner.
  private func places(_ count: Int) -> [Int64] {
    (0..<count).flatMap { image in
      (0..<window.output[1]).flatMap { y in
        (0..<window.output[2]).map { x in
          Int64(
            image * layout.count
              + layout.place(row: y * window.strides[1], column: x * window.strides[2]))
        }
      }
    }
  }

  private func scatter(
    _ sums: UnsafePointer<Float>, _ row: Int, _ group: Int, _ result: Tensor
  ) {
    let width = blocks * ConvolutionKernels.filterBlock
    let (channels, columns) = (shape.channelsPerGroup, window.kernel[2])
    for filter in 0..<shape.filtersPerGroup {
      let target =
        result.pointer(Float.self) + (group * shape.filtersPerGroup + filter) * shape.depth
        + row * columns
      for column in 0..<columns {
        for channel in 0..<channels {
          target[channel * window.kernelCount + column] +=
            sums[(column * channels + channel) * width + filter]
        }
      }
    }
  }
}
