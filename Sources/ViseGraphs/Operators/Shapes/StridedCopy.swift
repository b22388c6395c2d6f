import ViseTensor

/// Copies a box out of a tensor along strides of its own.
struct StridedCopy: WidthVisitor {
  let source: Tensor
  /// Where the first element is.
  let offset: Int
  /// Distances in the source along the result's dimensions.
  let strides: [Int]
  let result: Tensor

  func visit<T: FixedWidthInteger & BitwiseCopyable & Sendable>(_: T.Type) throws {
    guard result.count > 0 else { return }
    let walk = StridedWalk(shape: result.shape, strides: [strides])
    let from = source.pointer(T.self) + offset
    let to = result.pointer(T.self)
    let (length, step) = (walk.innerLength, walk.innerStride(0))
    walk.forEachRun { run, places in
      let (line, target) = (from + places[0], to + run * length)
      if step == 1 {
        target.update(from: line, count: length)
      } else if step == 0 {
        target.update(repeating: line[0], count: length)
      } else {
        for i in 0..<length { target[i] = line[i * step] }
      }
    }
  }
}
