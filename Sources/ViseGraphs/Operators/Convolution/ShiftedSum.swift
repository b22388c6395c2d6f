import ViseTensor

/// Adds one image, shifted and weighted by each element of a filter.
struct ShiftedSum {
  let window: SpatialWindow.Placement

  func add(
    _ source: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    var element = 0
    for z in 0..<window.kernel[0] {
      for y in 0..<window.kernel[1] {
        for x in 0..<window.kernel[2] {
          add(source, weight[element], [z, y, x], to: target)
          element += 1
        }
      }
    }
  }

  private func add(
    _ source: UnsafePointer<Float>, _ factor: Float, _ element: [Int],
    to target: UnsafeMutablePointer<Float>
  ) {
    let offset = (0..<3).map { element[$0] * window.dilations[$0] - window.padsBefore[$0] }
    let (width, outputs, stride) = (window.input[2], window.output[2], window.strides[2])
    let first = min(outputs, max(0, (stride - 1 - offset[2]) / stride))
    let end = max(first, min(outputs, (width - offset[2] + stride - 1) / stride))
    for z in 0..<window.output[0] {
      let depth = z * window.strides[0] + offset[0]
      guard depth >= 0, depth < window.input[0] else { continue }
      for y in 0..<window.output[1] {
        let height = y * window.strides[1] + offset[1]
        guard height >= 0, height < window.input[1] else { continue }
        let from = source + (depth * window.input[1] + height) * width + offset[2]
        let to = target + (z * window.output[1] + y) * outputs
        if stride == 1 {
          for column in first..<end { to[column] += factor * from[column] }
        } else {
          for column in first..<end { to[column] += factor * from[column * stride] }
        }
      }
    }
  }
}
