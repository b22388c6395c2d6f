import Glibc
import ViseTensor

/// Pools over windows and over whole images.
enum PoolingOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("MaxPool") { node in
      let window = try SpatialWindow(node, needsKernel: true)
      let isColumnMajor = try node.flag("storage_order")
      let wantsPlaces = node.outputCount > 1
      return { inputs, context in
        let x = try inputs.required(0)
        return try MaxPool(
          x: x, placement: try images(x, window).placement, isColumnMajor: isColumnMajor,
          wantsPlaces: wantsPlaces
        ).run(context)
      }
    },
    OperatorDefinition("AveragePool") { node in
      let window = try SpatialWindow(node, needsKernel: true)
      let countsPadding = try node.flag("count_include_pad")
      return { inputs, context in
        [try pool(inputs.required(0), window, context) { average($0, countsPadding) }]
      }
    },
    OperatorDefinition("LpPool") { node in
      let window = try SpatialWindow(node, needsKernel: true)
      let p = Double(try node.int("p", default: 2))
      return { inputs, context in
        [try pool(inputs.required(0), window, context) { norm($0, p) }]
      }
    },
    OperatorDefinition("GlobalAveragePool") { _ in
      { [try global($0, $1) { x, count in Float(sum(x, count) / Double(count)) }] }
    },
    OperatorDefinition("GlobalMaxPool") { _ in
      { inputs, context in
        [
          try global(inputs, context) { x, count in
            (1..<max(count, 1)).reduce(x[0]) { larger($0, x[$1]) }
          }
        ]
      }
    },
    OperatorDefinition("GlobalLpPool") { node in
      let p = Double(try node.int("p", default: 2))
      return { inputs, context in
        [
          try global(inputs, context) { x, count in
            Float(pow((0..<count).reduce(0) { $0 + pow(abs(Double(x[$1])), p) }, 1 / p))
          }
        ]
      }
    },
    OperatorDefinition("MaxUnpool") { node in
      let window = try SpatialWindow(node, needsKernel: true)
      return { try [unpool($0, window, $1)] }
    },
  ]

  /// One window: the values in it, and how many of its places lie in the padded image.
  struct Contents {
    var values: [Float] = []
    var paddedCount = 0
  }

  private static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
    (0..<count).reduce(0) { $0 + Double(x[$1]) }
  }

  private static func average(_ contents: Contents, _ countsPadding: Bool) -> Float {
    let count = countsPadding ? contents.paddedCount : contents.values.count
    return contents.values.reduce(0, +) / Float(max(count, 1))
  }

  private static func norm(_ contents: Contents, _ p: Double) -> Float {
    Float(pow(contents.values.reduce(0) { $0 + pow(abs(Double($1)), p) }, 1 / p))
  }

  static func images(
    _ x: Tensor, _ window: SpatialWindow
  ) throws -> (planes: Int, placement: SpatialWindow.Placement) {
    guard x.rank >= 3 else { throw OperatorFault.shapes("\(x.shape) are no images") }
    return (x.shape[0] * x.shape[1], try window.placed(on: Array(x.shape[2...])))
  }

  private static func pool(
    _ x: Tensor, _ window: SpatialWindow, _ context: KernelContext,
    _ body: (Contents) -> Float
  ) throws -> Tensor {
    guard x.type == .float32 else { throw OperatorFault.unsupportedType(input: 0, x.type) }
    let (planes, placement) = try images(x, window)
    let result = try context.make(.float32, Array(x.shape[..<2]) + placement.outputShape)
    guard result.count > 0 else { return result }
    var place = 0
    for plane in 0..<planes {
      try context.work.cancellation.check()
      let source = x.pointer(Float.self) + plane * placement.inputCount
      placement.forEachOutput { output in
        var contents = Contents()
        placement.forEachPlace(output) { contents.values.append(source[$0]) }
        contents.paddedCount = placement.paddedCount(output)
        result.pointer(Float.self)[place] = body(contents)
        place += 1
      }
    }
    return result
  }

  private static func global(
    _ inputs: KernelInputs, _ context: KernelContext,
    _ body: (UnsafePointer<Float>, Int) -> Float
  ) throws -> Tensor {
    let x = try inputs.required(0, .float32)
    guard x.rank >= 2 else { throw OperatorFault.shapes("\(x.shape) are no images") }
    let shape = x.shape.indices.map { $0 < 2 ? x.shape[$0] : 1 }
    let result = try context.make(.float32, shape)
    let length = x.shape[2...].reduce(1, *)
    guard length > 0 || result.count == 0 else { throw OperatorFault.shapes("empty images") }
    for plane in 0..<result.count {
      result.pointer(Float.self)[plane] = body(x.pointer(Float.self) + plane * length, length)
    }
    return result
  }

  private static func unpool(
    _ inputs: KernelInputs, _ window: SpatialWindow, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0, .float32)
    let places = try inputs.integers(1) ?? []
    guard x.rank >= 3, places.count == x.count else {
      throw OperatorFault.shapes("\(places.count) places for \(x.shape)")
    }
    let rank = x.rank - 2
    let (kernel, pads) = (window.kernel ?? [], window.pads ?? .init(repeating: 0, count: 2 * rank))
    let strides = window.strides ?? .init(repeating: 1, count: rank)
    guard kernel.count == rank, pads.count == 2 * rank, strides.count == rank else {
      throw OperatorFault.attribute("kernel_shape")
    }
    let inferred =
      Array(x.shape[..<2])
      + (0..<rank).map {
        max(0, (x.shape[2 + $0] - 1) * strides[$0] + kernel[$0] - pads[$0] - pads[rank + $0])
      }
    let shape = try inputs.integers(2) ?? inferred
    guard shape.count == x.rank else { throw OperatorFault.shapes("an output of \(shape)") }
    let result = try context.zeros(.float32, shape)
    // Places count in the image the pool saw, which a given output shape may extend.
    let own = Tensor.elementCount(of: inferred) == result.count ? shape : inferred
    for (index, place) in places.enumerated() {
      guard place >= 0, place < own.reduce(1, *) else {
        throw OperatorFault.value("place \(place) of \(own)")
      }
      var (rest, target, step) = (place, 0, 1)
      for axis in shape.indices.reversed() {
        target += rest % own[axis] * step
        rest /= own[axis]
        step *= shape[axis]
      }
      guard target < result.count else { throw OperatorFault.value("place \(place) of \(shape)") }
      result.pointer(Float.self)[target] = x.pointer(Float.self)[index]
    }
    return result
  }
}

/// The largest value of each window, and where it is.
struct MaxPool {
  let x: Tensor
  let placement: SpatialWindow.Placement
  let isColumnMajor: Bool
  let wantsPlaces: Bool

  func run(_ context: KernelContext) throws -> [Tensor] {
    let shape = Array(x.shape[..<2]) + placement.outputShape
    let result = try context.make(x.type, shape)
    let places = wantsPlaces ? try context.make(.int64, shape) : nil
    guard result.count > 0 else { return [result] + (places.map { [$0] } ?? []) }
    try x.type.dispatch(Visitor(pool: self, result: result, places: places, context: context))
    return [result] + (places.map { [$0] } ?? [])
  }

  private struct Visitor: NumberVisitor {
    let pool: MaxPool
    let result: Tensor
    let places: Tensor?
    let context: KernelContext

    func visit<T: TensorNumber>(_: T.Type) throws {
      let placement = pool.placement
      let planes = pool.x.shape[0] * pool.x.shape[1]
      try context.work.forEachChunk(of: planes, length: 1) { chunk in
        for plane in chunk {
          let source = pool.x.pointer(T.self) + plane * placement.inputCount
          var target = plane * placement.outputCount
          placement.forEachOutput { output in
            var (best, place) = (T(nearest: -.infinity), -1)
            placement.forEachPlace(output) { at in
              if place < 0 || source[at] > best || source[at] != source[at] {
                (best, place) = (source[at], at)
              }
            }
            result.pointer(T.self)[target] = best
            if let places {
              places.pointer(Int64.self)[target] = Int64(
                plane * placement.inputCount + ordered(max(place, 0)))
            }
            target += 1
          }
        }
      }
    }

    /// The place as the storage order counts it.
    private func ordered(_ place: Int) -> Int {
      guard pool.isColumnMajor else { return place }
      let input = pool.placement.input
      let (x, y, z) = (
        place % input[2], place / input[2] % input[1], place / (input[2] * input[1])
      )
      return (x * input[1] + y) * input[0] + z
    }
  }
}

extension SpatialWindow.Placement {
  /// Calls `body` with each output's depth, height and width.
  @inline(__always)
  func forEachOutput(_ body: ((z: Int, y: Int, x: Int)) -> Void) {
    for z in 0..<output[0] {
      for y in 0..<output[1] {
        for x in 0..<output[2] { body((z, y, x)) }
      }
    }
  }

  /// Calls `body` with each place of the input that the window of an output covers.
  @inline(__always)
  func forEachPlace(_ at: (z: Int, y: Int, x: Int), _ body: (Int) -> Void) {
    for z in steps(0, at.z) {
      for y in steps(1, at.y) {
        for x in steps(2, at.x) { body((z * input[1] + y) * input[2] + x) }
      }
    }
  }

  /// The indices along `axis` that a window covers inside the input.
  @inline(__always)
  private func steps(_ axis: Int, _ index: Int) -> StrideTo<Int> {
    let start = index * strides[axis] - padsBefore[axis]
    let dilation = dilations[axis]
    let skipped = start < 0 ? (-start + dilation - 1) / dilation : 0
    return stride(
      from: start + skipped * dilation,
      to: min(input[axis], start + kernel[axis] * dilation), by: dilation)
  }

  /// How many places of a window lie within the input and its padding.
  func paddedCount(_ at: (z: Int, y: Int, x: Int)) -> Int {
    [at.z, at.y, at.x].enumerated().reduce(1) { product, entry in
      let (axis, index) = entry
      let start = index * strides[axis] - padsBefore[axis]
      let end = input[axis] + padsAfter[axis]
      return product * min(kernel[axis], max(0, (end - start - 1) / dilations[axis] + 1))
    }
  }
}
