import ViseTensor

/// The transpose of broadcasting: gradients of a broadcast tensor brought back to its own shape.
enum BroadcastGradient {
  /// Sums `gradient` over the dimensions in which a tensor of `shape` was repeated.
  static func reduced(
    _ gradient: Tensor, to shape: [Int], _ context: KernelContext
  ) throws -> Tensor {
    if gradient.shape == shape { return gradient }
    if gradient.count == Tensor.elementCount(of: shape) { return gradient.reshaped(shape) }
    let result = try context.zeros(.float32, shape)
    let walk = StridedWalk(
      shape: gradient.shape,
      strides: [rowMajorStrides(gradient.shape), broadcastStrides(shape, to: gradient.shape)])
    let (length, step) = (walk.innerLength, walk.innerStride(1))
    let (source, target) = (gradient.pointer(Float.self), result.pointer(Float.self))
    withExtendedLifetime((gradient.storage, result.storage)) {
      walk.forEachRun { run, places in
        let from = source + run * length
        if step == 0 {
          target[places[1]] += FloatSums.sum(from, count: length)
        } else {
          let to = target + places[1]
          for i in 0..<length { to[i * step] += from[i] }
        }
      }
    }
    return result
  }
}

/// Sums whose order is fixed and that compilers can do several numbers at a time.
enum FloatSums {
  private typealias Lane = SIMD16<Float>

  /// Σ x.
  static func sum(_ x: UnsafePointer<Float>, count: Int) -> Float {
    var lanes = Lane.zero
    let whole = count / 16 * 16
    for i in stride(from: 0, to: whole, by: 16) {
      lanes += UnsafeRawPointer(x + i).loadUnaligned(as: Lane.self)
    }
    var rest = lanes.sum()
    for i in whole..<count { rest += x[i] }
    return rest
  }

  /// Σ x · (y − centre).
  static func product(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, around centre: Float = 0
  ) -> Float {
    var lanes = Lane.zero
    let whole = count / 16 * 16
    for i in stride(from: 0, to: whole, by: 16) {
      lanes +=
        UnsafeRawPointer(x + i).loadUnaligned(as: Lane.self)
        * (UnsafeRawPointer(y + i).loadUnaligned(as: Lane.self) - centre)
    }
    var rest = lanes.sum()
    for i in whole..<count { rest += x[i] * (y[i] - centre) }
    return rest
  }

  /// Σ (x − centre)².
  static func squares(_ x: UnsafePointer<Float>, count: Int, around centre: Float) -> Float {
    var lanes = Lane.zero
    let whole = count / 16 * 16
    for i in stride(from: 0, to: whole, by: 16) {
      let distance = UnsafeRawPointer(x + i).loadUnaligned(as: Lane.self) - centre
      lanes += distance * distance
    }
    var rest = lanes.sum()
    for i in whole..<count { rest += (x[i] - centre) * (x[i] - centre) }
    return rest
  }
}
