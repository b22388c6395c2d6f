import ViseTensor

/// Convolution of float32 images in a plane, sixteen filters at a time, without a matrix.
///
/// An image is laid out with its padding and the channels of each pixel side by side, so that what a
/// kernel's row reads is one run, and strides are distances between pixels.
struct BlockedConvolution {
  private let shape: ConvolutionShape
  private let filters: PackedFilters
  private let finish: BlockedFinish
  private let context: KernelContext
  private let taps: ConvolutionKernels.Taps
  /// Rows and columns of the padded image.
  private let rows: Int
  private let columns: Int

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
    (rows, columns) = (Self.extent(shape.window, 1), Self.extent(shape.window, 2))
    taps = Self.taps(shape, columns: columns)
  }

  /// Along `axis`, what all windows reach.
  private static func extent(_ window: SpatialWindow.Placement, _ axis: Int) -> Int {
    (window.output[axis] - 1) * window.strides[axis]
      + (window.kernel[axis] - 1) * window.dilations[axis] + 1
  }

  /// Whether the shape is one this way is good at: images in a plane and some filters a group.
  static func suits(_ shape: ConvolutionShape, _ context: KernelContext) -> Bool {
    let window = shape.window
    guard window.input[0] == 1, window.output[0] == 1, window.kernel[0] == 1,
      shape.filtersPerGroup >= 4
    else { return false }
    let (plane, overflow) = extent(window, 1).multipliedReportingOverflow(by: extent(window, 2))
    return !overflow && plane <= context.byteLimit / 16 / shape.channelsPerGroup
  }

  /// A row of the kernel is one run, or one a column where columns are dilated.
  private static func taps(_ shape: ConvolutionShape, columns: Int) -> ConvolutionKernels.Taps {
    let (window, channels) = (shape.window, shape.channelsPerGroup)
    let isDense = window.dilations[2] == 1
    let offsets = (0..<window.kernel[1]).flatMap { y in
      (0..<(isDense ? 1 : window.kernel[2])).map { x in
        Int64((y * window.dilations[1] * columns + x * window.dilations[2]) * channels)
      }
    }
    return ConvolutionKernels.Taps(
      offsets: offsets, length: (isDense ? window.kernel[2] : 1) * channels)
  }

  func run(_ x: Tensor, _ result: Tensor) throws {
    let window = shape.window
    let width = filters.blocksPerGroup * ConvolutionKernels.filterBlock
    let bandRows = max(1, min(window.output[1], Self.bandLength / (width * window.output[2])))
    try context.work.forEachChunk(of: shape.images * shape.groups, length: 1) { chunk in
      let image = FloatBuffer(count: rows * columns * shape.channelsPerGroup)
      let sums = FloatBuffer(count: bandRows * window.output[2] * width)
      for item in chunk {
        layOut(x, item, image.pointer)
        for first in stride(from: 0, to: window.output[1], by: bandRows) {
          let band = first..<min(first + bandRows, window.output[1])
          sum(image.pointer, item % shape.groups, band, sums.pointer)
          write(sums.pointer, item, band, result)
        }
      }
    }
  }

  /// One group's channels of one image with their padding, a pixel's side by side.
  private func layOut(_ x: Tensor, _ item: Int, _ image: UnsafeMutablePointer<Float>) {
    let (window, channels) = (shape.window, shape.channelsPerGroup)
    let (index, group) = (item / shape.groups, item % shape.groups)
    let (height, width) = (window.input[1], window.input[2])
    let (top, left) = (window.padsBefore[1], window.padsBefore[2])
    let source =
      x.pointer(Float.self)
      + (index * shape.channels + group * channels) * window.inputCount
    let filled = max(0, min(width, columns - left))
    if left == 0, filled == columns, width == columns, top == 0, rows <= height {
      ConvolutionKernels.interleave(
        source, plane: window.inputCount, pixels: rows * columns, channels: channels, into: image)
      return
    }
    for row in 0..<rows {
      let line = image + row * columns * channels
      let y = row - top
      guard y >= 0, y < height else {
        line.update(repeating: 0, count: columns * channels)
        continue
      }
      let start = min(left, columns)
      line.update(repeating: 0, count: start * channels)
      ConvolutionKernels.interleave(
        source + y * width, plane: window.inputCount, pixels: filled, channels: channels,
        into: line + start * channels)
      (line + (start + filled) * channels).update(
        repeating: 0, count: (columns - start - filled) * channels)
    }
  }

  /// The sums of a group's filters for some rows of outputs, a pixel's side by side.
  private func sum(
    _ image: UnsafePointer<Float>, _ group: Int, _ band: Range<Int>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    let (window, channels) = (shape.window, shape.channelsPerGroup)
    let width = filters.blocksPerGroup * ConvolutionKernels.filterBlock
    // Rows that follow each other without a gap are one.
    let isFlat = columns == window.output[2] && window.strides[1] == 1 && window.strides[2] == 1
    let rowLength = isFlat ? band.count * window.output[2] : window.output[2]
    for row in 0..<(isFlat ? 1 : band.count) {
      ConvolutionKernels.pixelSums(
        weights: filters.blocks(of: group, depth: shape.depth), blocks: filters.blocksPerGroup,
        taps,
        image: image + (band.lowerBound + row) * window.strides[1] * columns * channels,
        step: window.strides[2] * channels, pixels: rowLength,
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
