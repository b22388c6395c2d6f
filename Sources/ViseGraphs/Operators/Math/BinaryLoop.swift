import ViseTensor

/// Applies a function to the pairs of two broadcast tensors.
struct BinaryLoop {
  let a: Tensor
  let b: Tensor
  private let walk: StridedWalk
  let shape: [Int]

  init(_ a: Tensor, _ b: Tensor) throws(OperatorFault) {
    self.a = a
    self.b = b
    if a.shape == b.shape {
      shape = a.shape
      walk = StridedWalk(shape: [a.count], strides: [[1], [1]])
    } else {
      shape = try broadcastShape([a.shape, b.shape])
      walk = StridedWalk(
        shape: shape,
        strides: [broadcastStrides(a.shape, to: shape), broadcastStrides(b.shape, to: shape)])
    }
  }

  /// result[i] = body(a[i], b[i]); the tensors hold elements of these types.
  @inline(__always)
  func fill<A: BitwiseCopyable, B: BitwiseCopyable, Result: BitwiseCopyable>(
    _ result: Tensor, _ body: (A, B) -> Result
  ) {
    guard result.count > 0 else { return }
    let (left, right) = (a.pointer(A.self), b.pointer(B.self))
    let target = result.pointer(Result.self)
    let length = walk.innerLength
    let (stepA, stepB) = (walk.innerStride(0), walk.innerStride(1))
    walk.forEachRun { run, places in
      let out = target + run * length
      let (x, y) = (left + places[0], right + places[1])
      switch (stepA, stepB) {
      case (1, 1): for i in 0..<length { out[i] = body(x[i], y[i]) }
      case (1, 0):
        let value = y[0]
        for i in 0..<length { out[i] = body(x[i], value) }
      case (0, 1):
        let value = x[0]
        for i in 0..<length { out[i] = body(value, y[i]) }
      default: for i in 0..<length { out[i] = body(x[i * stepA], y[i * stepB]) }
      }
    }
  }
}
