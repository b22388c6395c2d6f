import ViseTensor

/// Convolution of float32 images in a plane, sixteen filters at a time, without a matrix.
///
/// With the channels of each pixel side by side, what a kernel's row reads is one run, and strides are
/// distances between pixels.
struct BlockedConvolution {
  private let shape: ConvolutionShape
  private let layout: PixelLayout
  private let filters: PackedFilters
  private let finish: BlockedFinish
  private let context: KernelContext
  private let taps: ConvolutionKernels.Taps

  /// Floats of sums that are made before they are written out: few enough to stay in cache.
  private static let bandLength = 32_768

  init(
    shape: ConvolutionShape, filters: PackedFilters, bias: Tensor?, finish: ConvolutionFinish,
    context: KernelContext
  ) {
    self.shape = shape
    self.filters = filters
    self.finish = BlockedFinish(finish, bias: bias, shape)
    self.context = context
    layout = PixelLayout(shape)
    taps = Self.taps(shape, layout)
  }

  /// Whether the shape is one this way is good at: images in a plane and some filters a group.
  static func suits(_ shape: ConvolutionShape, _ context: KernelContext) -> Bool {
    shape.filtersPerGroup >= 4 && PixelLayout.holds(shape, byteLimit: context.byteLimit)
  }

  /// A row of the kernel is one run, or one a column where columns are dilated.
  private static func taps(
    _ shape: ConvolutionShape, _ layout: PixelLayout
  ) -> ConvolutionKernels.Taps {
    let window = shape.window
    let isDense = window.dilations[2] == 1
    let offsets = (0..<window.kernel[1]).flatMap { y in
      (0..<(isDense ? 1 : window.kernel[2])).map { x in
        Int64(layout.place(row: y * window.dilations[1], column: x * window.dilations[2]))
      }
    }
    return ConvolutionKernels.Taps(
      offsets: offsets, length: (isDense ? window.kernel[2] : 1) * shape.channelsPerGroup)
  }

  func run(_ x: Tensor, _ result: Tensor) throws {
    let window = shape.window
    let width = filters.blocksPerGroup * ConvolutionKernels.filterBlock
    let bandRows = max(1, min(window.output[1], Self.bandLength / (width * window.output[2])))
    try context.work.forEachChunk(of: shape.images * shape.groups, length: 1) { chunk in
      let image = FloatBuffer(count: layout.count)
      let sums = FloatBuffer(count: bandRows * window.output[2] * width)
      for item in chunk {
        layout.fill(image.pointer, from: x, item)
        for first in stride(from: 0, to: window.output[1], by: bandRows) {
          let band = first..<min(first + bandRows, window.output[1])
          sum(image.pointer, item % shape.groups, band, sums.pointer)
          write(sums.pointer, item, band, result)
        }
      }
    }
  }

  /// The sums of a group's filters for some rows of outputs, a pixel's side by side.
  private func sum(
    _ image: UnsafePointer<Float>, _ group: Int, _ band: Range<Int>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    let window = shape.window
    let width = filters.blocksPerGroup * ConvolutionKernels.filterBlock
    // Rows that follow each other without a gap are one.
    let isFlat =
      layout.columns == window.output[2] && window.strides[1] == 1 && window.strides[2] == 1
    let rowLength = isFlat ? band.count * window.output[2] : window.output[2]
    for row in 0..<(isFlat ? 1 : band.count) {
      ConvolutionKernels.pixelSums(
        weights: filters.blocks(of: group, depth: shape.depth), blocks: filters.blocksPerGroup,
        taps,
        image: image + layout.place(row: (band.lowerBound + row) * window.strides[1], column: 0),
        step: window.strides[2] * shape.channelsPerGroup, pixels: rowLength,
        into: sums + row * rowLength * width, stride: width)
    }
  }

  /// The sums of a group's filters, finished, at their places in the result.
  private func write(
    _ sums: UnsafePointer<Float>, _ item: Int, _ band: Range<Int>, _ result: Tensor
  ) {
    let window = shape.window
    let (image, group) = (item / shape.groups, item % shape.groups)
    let block = ConvolutionKernels.filterBlock
    let width = filters.blocksPerGroup * block
    for first in stride(from: 0, to: shape.filtersPerGroup, by: block) {
      let filter = group * shape.filtersPerGroup + first
      let place =
        (image * shape.filters + filter) * window.outputCount
        + band.lowerBound * window.output[2]
      finish.withFormula(of: filter, place: place) { formula in
        ConvolutionKernels.finishPixels(
          sums + first, stride: width, pixels: band.count * window.output[2],
          filters: min(block, shape.filtersPerGroup - first), formula,
          into: result.pointer(Float.self) + place, plane: window.outputCount)
      }
    }
  }
}

/// A convolution's finish with a factor and a shift for each filter, its bias among them.
private struct BlockedFinish: Sendable {
  private let factors: [Float]
  private let shifts: [Float]
  private let more: Tensor?
  private let rectifies: Bool

  init(_ finish: ConvolutionFinish, bias: Tensor?, _ shape: ConvolutionShape) {
    // As many more as the last block may lack.
    let count = shape.filters + ConvolutionKernels.filterBlock
    factors = (0..<count).map { finish.factors.indices.contains($0) ? finish.factors[$0] : 1 }
    let factors = factors
    let bias = bias?.values(Float.self) ?? []
    shifts = (0..<count).map { filter in
      (bias.indices.contains(filter) ? bias[filter] * factors[filter] : 0)
        + (finish.shifts.indices.contains(filter) ? finish.shifts[filter] : 0)
    }
    more = finish.more
    rectifies = finish.rectifies
  }

  /// - Parameter place: of the first output, in the result and in what is added.
  func withFormula(
    of filter: Int, place: Int, _ body: (ConvolutionKernels.Finish) -> Void
  ) {
    factors.withUnsafeBufferPointer { factors in
      shifts.withUnsafeBufferPointer { shifts in
        guard let factors = factors.baseAddress, let shifts = shifts.baseAddress else { return }
        body(
          ConvolutionKernels.Finish(
            factors: factors + filter, shifts: shifts + filter,
            more: more.map { $0.pointer(Float.self) + place }, rectifies: rectifies))
      }
    }
  }
}
