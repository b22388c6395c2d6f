import ViseTensor

/// Derivatives of pools.
enum PoolingDerivatives {
  static let all: [DerivativeDefinition] = [
    DerivativeDefinition("GlobalAveragePool") { _ in
      { call, context in
        let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
        let result = try context.make(.float32, x.shape)
        let length = dy.count == 0 ? 0 : x.count / dy.count
        for plane in 0..<dy.count {
          (result.pointer(Float.self) + plane * length).update(
            repeating: dy.pointer(Float.self)[plane] / Float(length), count: length)
        }
        return [result]
      }
    },
    DerivativeDefinition("AveragePool") { node in
      let window = try SpatialWindow(node, needsKernel: true)
      let countsPadding = try node.flag("count_include_pad")
      return { call, context in
        try pooled(call, window, context) { source, target, dy, placement, at in
          var count = 0
          placement.forEachPlace(at) { _ in count += 1 }
          let share = dy / Float(max(countsPadding ? placement.paddedCount(at) : count, 1))
          placement.forEachPlace(at) { target[$0] += share }
        }
      }
    },
    DerivativeDefinition("MaxPool") { node in
      let window = try SpatialWindow(node, needsKernel: true)
      return { call, context in
        try pooled(call, window, context) { source, target, dy, placement, at in
          var place = -1
          placement.forEachPlace(at) { if place < 0 || source[$0] > source[place] { place = $0 } }
          if place >= 0 { target[place] += dy }
        }
      }
    },
    DerivativeDefinition("GlobalMaxPool") { _ in
      { call, context in
        let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
        let result = try context.zeros(.float32, x.shape)
        let length = dy.count == 0 ? 0 : x.count / dy.count
        for plane in 0..<dy.count {
          let source = x.pointer(Float.self) + plane * length
          let place = (0..<length).max { source[$0] < source[$1] } ?? 0
          result.pointer(Float.self)[plane * length + place] = dy.pointer(Float.self)[plane]
        }
        return [result]
      }
    },
  ]

  private typealias Place = (z: Int, y: Int, x: Int)

  /// Calls `body` for each window with its plane of the input and of the gradient.
  private static func pooled(
    _ call: DerivativeCall, _ window: SpatialWindow, _ context: KernelContext,
    _ body: (
      UnsafePointer<Float>, UnsafeMutablePointer<Float>, Float, SpatialWindow.Placement, Place
    ) -> Void
  ) throws -> [Tensor?] {
    let (x, dy) = (try call.inputs.required(0, .float32), try call.gradient())
    let (planes, placement) = try PoolingOperators.images(x, window)
    let result = try context.zeros(.float32, x.shape)
    var upper = UnsafePointer(dy.pointer(Float.self))
    for plane in 0..<(dy.count == 0 ? 0 : planes) {
      let source = x.pointer(Float.self) + plane * placement.inputCount
      let target = result.pointer(Float.self) + plane * placement.inputCount
      placement.forEachOutput { at in
        body(source, target, upper.pointee, placement, at)
        upper += 1
      }
    }
    return withExtendedLifetime((x.storage, dy.storage)) { [result] }
  }
}
