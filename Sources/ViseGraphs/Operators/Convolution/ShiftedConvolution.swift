import ViseTensor

/// Convolution of float32 as sums of shifted images, eight filters at a time, without a matrix.
///
/// Images are laid out with their padding, so that a kernel element is a distance; with a stride of
/// s, each becomes s × s images of every s-th pixel, between which elements are distances again.
struct ShiftedConvolution {
  let shape: ConvolutionShape
  let filters: PackedFilters
  let finish: ConvolutionFinish
  let context: KernelContext

  /// Positions whose sums are made before they are written out: eight rows of them stay in cache.
  private static let bandLength = 4096

  private var window: SpatialWindow.Placement { shape.window }
  /// Rows and columns of the images of every s-th pixel.
  private var rows: Int { Self.extent(window, 1) }
  private var columns: Int { Self.extent(window, 2) }
  private var phases: Int { window.strides[1] * window.strides[2] }

  /// Of one phase along `axis`: every output and what its kernel reaches beyond.
  private static func extent(_ window: SpatialWindow.Placement, _ axis: Int) -> Int {
    window.output[axis] - 1
      + ((window.kernel[axis] - 1) * window.dilations[axis]) / window.strides[axis] + 1
  }

  /// Whether the shape is one this way is good at: images in a plane and some filters a group.
  static func suits(_ shape: ConvolutionShape, _ context: KernelContext) -> Bool {
    let window = shape.window
    let strides = window.strides[1] * window.strides[2]
    guard window.input[0] == 1, window.output[0] == 1, window.kernel[0] == 1,
      shape.filtersPerGroup >= 4, strides <= 16
    else { return false }
    let (plane, overflow) = extent(window, 1).multipliedReportingOverflow(by: extent(window, 2))
    return !overflow && plane <= context.byteLimit / 16 / strides / shape.channelsPerGroup
  }

  func run(_ x: Tensor, _ bias: Tensor?, _ result: Tensor) throws {
    let offsets = offsets()
    try context.work.forEachChunk(of: shape.images * shape.groups, length: 1) { chunk in
      let plane = rows * columns
      let image = FloatBuffer(
        count: shape.channelsPerGroup * phases * plane + ConvolutionKernels.slack)
      (image.pointer + image.count - ConvolutionKernels.slack).update(
        repeating: 0, count: ConvolutionKernels.slack)
      let bandRows = max(1, min(window.output[1], Self.bandLength / columns))
      let stride = (bandRows * columns + 15) / 16 * 16
      let sums = FloatBuffer(count: ConvolutionKernels.filterBlock * stride)
      for item in chunk {
        layOut(x, item, image)
        for first in Swift.stride(from: 0, to: window.output[1], by: bandRows) {
          let band = first..<min(first + bandRows, window.output[1])
          for block in 0..<filters.blocksPerGroup {
            offsets.withUnsafeBufferPointer { offsets in
              guard let offsets = offsets.baseAddress else { return }
              ConvolutionKernels.shiftedSums(
                weights: filters.block(block, group: item % shape.groups, depth: shape.depth),
                offsets: offsets, depth: shape.depth, image: image.pointer + first * columns,
                count: (band.count - 1) * columns + window.output[2], into: sums.pointer,
                stride: stride)
            }
            write(sums.pointer, stride, block, item, band, bias, result)
          }
        }
      }
    }
  }

  /// By kernel element of each channel, how far it lies from an output's place.
  private func offsets() -> [Int64] {
    var result: [Int64] = []
    result.reserveCapacity(shape.depth)
    for channel in 0..<shape.channelsPerGroup {
      for y in 0..<window.kernel[1] {
        for x in 0..<window.kernel[2] {
          let (down, right) = (y * window.dilations[1], x * window.dilations[2])
          let phase =
            down % window.strides[1] * window.strides[2] + right % window.strides[2]
          let place =
            ((channel * phases + phase) * rows + down / window.strides[1]) * columns
            + right / window.strides[2]
          result.append(Int64(place))
        }
      }
    }
    return result
  }

  /// One group's channels of one image with their padding, a plane a phase.
  private func layOut(_ x: Tensor, _ item: Int, _ image: FloatBuffer) {
    let (index, group) = (item / shape.groups, item % shape.groups)
    let plane = rows * columns
    for channel in 0..<shape.channelsPerGroup {
      let source =
        x.pointer(Float.self)
        + (index * shape.channels + group * shape.channelsPerGroup + channel) * window.inputCount
      let target = image.pointer + channel * phases * plane
      let (top, left) = (window.padsBefore[1], window.padsBefore[2])
      if phases == 1, top + window.input[1] <= rows, left + window.input[2] <= columns {
        ConvolutionKernels.padPlane(
          source, rows: window.input[1], width: window.input[2], top: top, left: left,
          paddedRows: rows, paddedWidth: columns, into: target)
      } else {
        for phase in 0..<phases { layOut(source, phase: phase, target + phase * plane) }
      }
    }
  }

  private func layOut(
    _ source: UnsafePointer<Float>, phase: Int, _ target: UnsafeMutablePointer<Float>
  ) {
    let (height, width) = (window.input[1], window.input[2])
    let (stepY, stepX) = (window.strides[1], window.strides[2])
    let shiftX = phase % stepX - window.padsBefore[2]
    // Columns first ..< end lie inside the image.
    let first = min(columns, max(0, (stepX - 1 - shiftX) / stepX))
    let end = max(first, min(columns, (width - shiftX + stepX - 1) / stepX))
    for row in 0..<rows {
      let line = target + row * columns
      let y = row * stepY + phase / stepX - window.padsBefore[1]
      guard y >= 0, y < height else {
        line.update(repeating: 0, count: columns)
        continue
      }
      line.update(repeating: 0, count: first)
      let from = source + y * width + shiftX
      for column in first..<end { line[column] = from[column * stepX] }
      (line + end).update(repeating: 0, count: columns - end)
    }
  }

  /// The sums of one block of filters, finished, at their places in the result.
  private func write(
    _ sums: UnsafePointer<Float>, _ stride: Int, _ block: Int, _ item: Int, _ band: Range<Int>,
    _ bias: Tensor?, _ result: Tensor
  ) {
    let (image, group) = (item / shape.groups, item % shape.groups)
    let first = block * ConvolutionKernels.filterBlock
    let count = min(ConvolutionKernels.filterBlock, shape.filtersPerGroup - first)
    for slot in 0..<count {
      let filter = group * shape.filtersPerGroup + first + slot
      let factor = finish.factors.isEmpty ? 1 : finish.factors[filter]
      let shift =
        (bias?.pointer(Float.self)[filter] ?? 0) * factor
        + (finish.shifts.isEmpty ? 0 : finish.shifts[filter])
      let place =
        (image * shape.filters + filter) * window.outputCount
        + band.lowerBound * window.output[2]
      ConvolutionKernels.finishRows(
        sums + slot * stride, rows: band.count, width: window.output[2], stride: columns,
        factor: factor, shift: shift, more: finish.more.map { $0.pointer(Float.self) + place },
        rectify: finish.rectifies, into: result.pointer(Float.self) + place)
    }
  }
}
