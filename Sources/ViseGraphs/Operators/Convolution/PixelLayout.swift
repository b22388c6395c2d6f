import ViseTensor

/// One group's channels of an image with its padding, the channels of each pixel side by side.
struct PixelLayout: Sendable {
  private let shape: ConvolutionShape
  /// What all windows reach.
  let rows: Int
  let columns: Int

  init(_ shape: ConvolutionShape) {
    self.shape = shape
    (rows, columns) = (Self.extent(shape.window, 1), Self.extent(shape.window, 2))
  }

  /// Floats.
  var count: Int { rows * columns * shape.channelsPerGroup }

  /// Whether images lie in a plane and fit, laid out, in a part of the memory a value may have.
  static func holds(_ shape: ConvolutionShape, byteLimit: Int) -> Bool {
    let window = shape.window
    guard window.input[0] == 1, window.output[0] == 1, window.kernel[0] == 1 else { return false }
    let (plane, overflow) = extent(window, 1).multipliedReportingOverflow(by: extent(window, 2))
    return !overflow && plane <= byteLimit / 16 / shape.channelsPerGroup
  }

  private static func extent(_ window: SpatialWindow.Placement, _ axis: Int) -> Int {
    (window.output[axis] - 1) * window.strides[axis]
      + (window.kernel[axis] - 1) * window.dilations[axis] + 1
  }

  /// Where a pixel of the padded image lies.
  func place(row: Int, column: Int) -> Int { (row * columns + column) * shape.channelsPerGroup }

  /// Lays out image `item / groups`, group `item % groups` of `x`, images × channels × height × width.
  func fill(_ image: UnsafeMutablePointer<Float>, from x: Tensor, _ item: Int) {
    let (window, channels) = (shape.window, shape.channelsPerGroup)
    let (index, group) = (item / shape.groups, item % shape.groups)
    let (height, width) = (window.input[1], window.input[2])
    let (top, left) = (window.padsBefore[1], min(window.padsBefore[2], columns))
    let source =
      x.pointer(Float.self) + (index * shape.channels + group * channels) * window.inputCount
    func copy(_ from: Int, _ pixels: Int, _ target: UnsafeMutablePointer<Float>) {
      guard channels > 1 else {
        target.update(from: source + from, count: pixels)
        return
      }
      ConvolutionKernels.interleave(
        source + from, plane: window.inputCount, pixels: pixels, channels: channels, into: target,
        step: channels)
    }
    if top == 0, left == 0, width == columns, rows <= height {
      copy(0, rows * columns, image)
      return
    }
    let filled = min(width, columns - left)
    for row in 0..<rows {
      let line = image + place(row: row, column: 0)
      guard (top..<top + height).contains(row) else {
        line.update(repeating: 0, count: columns * channels)
        continue
      }
      line.update(repeating: 0, count: left * channels)
      copy((row - top) * width, filled, line + left * channels)
      (line + (left + filled) * channels).update(
        repeating: 0, count: (columns - left - filled) * channels)
    }
  }
}
