import ViseTensor

/// The windows of an image as the columns of a matrix, so that a convolution is a product.
enum ColumnMatrix {
  /// Fills `columns`, channels · kernel × outputs, from `image`, channels × inputs; padding is 0.
  static func fill(
    _ columns: UnsafeMutablePointer<Float>, from image: UnsafePointer<Float>, channels: Int,
    _ window: SpatialWindow.Placement
  ) {
    forEachRow(channels, window) { row, channel, offset in
      let target = columns + row * window.outputCount
      let source = image + channel * window.inputCount
      fillRow(target, source, offset, window)
    }
  }

  /// Adds the matrix back to the images it would have been made from: the transpose of `fill`.
  static func accumulate(
    _ columns: UnsafePointer<Float>, into image: UnsafeMutablePointer<Float>, channels: Int,
    _ window: SpatialWindow.Placement
  ) {
    forEachRow(channels, window) { row, channel, offset in
      var source = columns + row * window.outputCount
      let target = image + channel * window.inputCount
      forEachLine(offset, window) { line in
        for x in 0..<window.output[2] {
          let column = x * window.strides[2] + offset[2]
          if let line, (0..<window.input[2]).contains(column) { target[line + column] += source[x] }
        }
        source += window.output[2]
      }
    }
  }

  /// Calls `body` with each row, its channel, and where its kernel element lies from a window's corner.
  @inline(__always)
  private static func forEachRow(
    _ channels: Int, _ window: SpatialWindow.Placement, _ body: (Int, Int, [Int]) -> Void
  ) {
    var row = 0
    for channel in 0..<channels {
      for z in 0..<window.kernel[0] {
        for y in 0..<window.kernel[1] {
          for x in 0..<window.kernel[2] {
            body(
              row, channel,
              [
                z * window.dilations[0] - window.padsBefore[0],
                y * window.dilations[1] - window.padsBefore[1],
                x * window.dilations[2] - window.padsBefore[2],
              ])
            row += 1
          }
        }
      }
    }
  }

  /// Calls `body` for each line of outputs with the place of its input line; `nil` in the padding.
  @inline(__always)
  private static func forEachLine(
    _ offset: [Int], _ window: SpatialWindow.Placement, _ body: (Int?) -> Void
  ) {
    for z in 0..<window.output[0] {
      let depth = z * window.strides[0] + offset[0]
      for y in 0..<window.output[1] {
        let height = y * window.strides[1] + offset[1]
        let isInside =
          (0..<window.input[0]).contains(depth) && (0..<window.input[1]).contains(height)
        body(isInside ? (depth * window.input[1] + height) * window.input[2] : nil)
      }
    }
  }

  private static func fillRow(
    _ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<Float>, _ offset: [Int],
    _ window: SpatialWindow.Placement
  ) {
    let (width, outputs, stride) = (window.input[2], window.output[2], window.strides[2])
    // Outputs first ..< end read inside the line.
    let first = min(outputs, max(0, (stride - 1 - offset[2]) / stride))
    let end = max(first, min(outputs, (width - offset[2] + stride - 1) / stride))
    var target = target
    forEachLine(offset, window) { line in
      guard let line else {
        target.update(repeating: 0, count: outputs)
        target += outputs
        return
      }
      target.update(repeating: 0, count: first)
      let from = source + line + offset[2]
      if stride == 1 {
        (target + first).update(from: from + first, count: end - first)
      } else {
        for x in first..<end { target[x] = from[x * stride] }
      }
      (target + end).update(repeating: 0, count: outputs - end)
      target += outputs
    }
  }
}
