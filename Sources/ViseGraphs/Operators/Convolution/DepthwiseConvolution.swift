import ViseTensor

/// Convolution of float32 images in a plane with a filter for each channel: plane by plane, no matrix.
struct DepthwiseConvolution {
  private let shape: ConvolutionShape
  private let layout: PixelLayout
  private let context: KernelContext
  private let offsets: [Int64]

  /// Planes that a thread takes at once.
  private static let planesAtOnce = 8

  init(shape: ConvolutionShape, context: KernelContext) {
    self.shape = shape
    self.context = context
    let layout = PixelLayout(shape)
    self.layout = layout
    let window = shape.window
    offsets = (0..<window.kernel[1]).flatMap { y in
      (0..<window.kernel[2]).map { x in
        Int64(layout.place(row: y * window.dilations[1], column: x * window.dilations[2]))
      }
    }
  }

  /// Whether the shape has one filter a channel and its images lie in a plane.
  static func suits(_ shape: ConvolutionShape, _ context: KernelContext) -> Bool {
    shape.channelsPerGroup == 1 && shape.filtersPerGroup == 1
      && PixelLayout.holds(shape, byteLimit: context.byteLimit)
  }

  func run(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ result: Tensor) throws {
    try eachPlane(Self.planesAtOnce) { plane, image in
      layout.fill(image, from: x, plane)
      let channel = plane % shape.channels
      eachRow { outputs, place in
        ConvolutionKernels.planeSums(
          weights: weight.pointer(Float.self) + channel * offsets.count, offsets: offsets,
          plane: image + place, step: shape.window.strides[2], pixels: outputs.count,
          shift: bias?.pointer(Float.self)[channel] ?? 0,
          into: result.pointer(Float.self) + plane * shape.window.outputCount + outputs.lowerBound)
      }
    }
  }

  /// Adds the gradient of the filters to `result`, channels × 1 × kernel; images in their order.
  func addWeightGradient(_ dy: Tensor, _ x: Tensor, to result: Tensor) throws {
    try context.work.forEachChunk(of: shape.channels, length: 1) { channels in
      let image = FloatBuffer(count: layout.count)
      for channel in channels {
        for index in 0..<shape.images {
          let plane = index * shape.channels + channel
          layout.fill(image.pointer, from: x, plane)
          eachRow { outputs, place in
            ConvolutionKernels.planeDots(
              gradient: dy.pointer(Float.self) + plane * shape.window.outputCount
                + outputs.lowerBound,
              offsets: offsets, plane: image.pointer + place, step: shape.window.strides[2],
              pixels: outputs.count, into: result.pointer(Float.self) + channel * offsets.count)
          }
        }
      }
    }
  }

  private func eachPlane(
    _ length: Int, _ body: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void
  ) throws {
    try context.work.forEachChunk(of: shape.images * shape.channels, length: length) { planes in
      let image = FloatBuffer(count: layout.count)
      for plane in planes { body(plane, image.pointer) }
    }
  }

  /// Rows of outputs with the place of their first input; rows that follow each other without a gap are
  /// one.
  private func eachRow(_ body: (_ outputs: Range<Int>, _ place: Int) -> Void) {
    let window = shape.window
    let width = window.output[2]
    guard layout.columns != width || window.strides[1] != 1 || window.strides[2] != 1 else {
      body(0..<window.outputCount, 0)
      return
    }
    for row in 0..<window.output[1] {
      body(row * width..<(row + 1) * width, layout.place(row: row * window.strides[1], column: 0))
    }
  }
}
