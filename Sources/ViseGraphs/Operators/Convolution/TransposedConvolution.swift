import ViseTensor

/// The transpose of a convolution: each input adds a weighted kernel to the outputs it would come from.
struct TransposedConvolution {
  private let groups: Int
  private let strides: [Int]?
  private let dilations: [Int]?
  private let pads: [Int]?
  private let outputPadding: [Int]?
  private let outputShape: [Int]?
  private let automatic: SpatialWindow.AutomaticPadding

  init(_ node: NodeDescription) throws(OperatorFault) {
    let window = try SpatialWindow(node)
    groups = try node.int("group", default: 1)
    (strides, dilations, pads) = (window.strides, window.dilations, window.pads)
    automatic = window.automatic
    outputPadding = try node.ints("output_padding")
    outputShape = try node.ints("output_shape")
    for (name, values) in [("output_padding", outputPadding), ("output_shape", outputShape)] {
      guard values?.allSatisfy({ $0 >= 0 && $0 < 1 << 24 }) ?? true else { throw .attribute(name) }
    }
  }

  /// The convolution whose transpose this is, seen from its input, which is our output.
  private func placement(
    _ x: [Int], _ kernel: [Int]
  ) throws(OperatorFault) -> SpatialWindow.Placement {
    let rank = x.count
    let ones = [Int](repeating: 1, count: rank)
    let zeros = [Int](repeating: 0, count: rank)
    let (strides, dilations) = (self.strides ?? ones, self.dilations ?? ones)
    let extra = outputPadding ?? zeros
    guard rank >= 1, rank <= 3, kernel.allSatisfy({ $0 > 0 && $0 < 1 << 20 }),
      [strides, dilations, extra].allSatisfy({ $0.count == rank }),
      pads?.count ?? 2 * rank == 2 * rank, outputShape?.count ?? rank == rank
    else { throw .shapes("a transposed window of \(kernel) over \(x)") }
    var (before, after, output): ([Int], [Int], [Int]) = ([], [], [])
    for axis in 0..<rank {
      let full =
        strides[axis] * (x[axis] - 1) + extra[axis] + (kernel[axis] - 1) * dilations[axis] + 1
      var (low, high) = (pads?[axis] ?? 0, pads?[rank + axis] ?? 0)
      if automatic == .valid { (low, high) = (0, 0) }
      var wanted = outputShape?[axis]
      if wanted == nil, automatic == .sameUpper || automatic == .sameLower {
        wanted = x[axis] * strides[axis]
      }
      if let wanted {
        let total = max(0, full - wanted)
        let (small, large) = (total / 2, total - total / 2)
        (low, high) = automatic == .sameUpper ? (small, large) : (large, small)
      }
      let length = wanted ?? full - low - high
      guard length > 0 else { throw .shapes("a transposed window of \(kernel) over \(x)") }
      before.append(low)
      after.append(high)
      output.append(length)
    }
    func three(_ values: [Int], _ fill: Int) -> [Int] {
      [Int](repeating: fill, count: 3 - rank) + values
    }
    return SpatialWindow.Placement(
      input: three(output, 1), kernel: three(kernel, 1), strides: three(strides, 1),
      dilations: three(dilations, 1), padsBefore: three(before, 0), padsAfter: three(after, 0),
      output: three(x, 1), rank: rank)
  }

  func run(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ context: KernelContext
  ) throws -> Tensor {
    guard x.type == .float32, weight.type == .float32, bias?.type ?? .float32 == .float32 else {
      throw OperatorFault.unsupportedType(input: 0, x.type)
    }
    guard x.rank >= 3, weight.rank == x.rank, groups > 0, x.shape[1] % groups == 0,
      weight.shape[0] == x.shape[1]
    else { throw OperatorFault.shapes("images \(x.shape) with filters \(weight.shape)") }
    let window = try placement(Array(x.shape[2...]), Array(weight.shape[2...]))
    let filters = weight.shape[1] * groups
    guard bias?.shape ?? [filters] == [filters] else {
      throw OperatorFault.shapes("a bias of \(bias?.shape ?? []) for \(filters) filters")
    }
    let result = try context.make(
      .float32, [x.shape[0], filters] + window.input.suffix(window.rank))
    let (inner, depth) = (x.shape[1] / groups, weight.shape[1] * window.kernelCount)
    let columns = try context.make(.float32, [depth, window.outputCount])
    guard result.count > 0, inner > 0 else {
      return try context.zeros(.float32, result.shape)
    }
    // The weight is inputs × outputs: its transpose times the images gives what each input adds.
    let turned = try RearrangingOperators.transposed(
      weight.reshaped([groups, inner, depth]), [0, 2, 1], context)
    for item in 0..<x.shape[0] * groups {
      try context.work.cancellation.check()
      let (image, group) = (item / groups, item % groups)
      let source =
        x.pointer(Float.self) + (image * x.shape[1] + group * inner) * window.outputCount
      BLAS.multiply(
        m: depth, n: window.outputCount, k: inner,
        a: turned.pointer(Float.self) + group * depth * inner, strideA: inner, b: source,
        strideB: window.outputCount, c: columns.pointer(Float.self), strideC: window.outputCount)
      let first = group * weight.shape[1]
      let target = result.pointer(Float.self) + (image * filters + first) * window.inputCount
      for filter in 0..<weight.shape[1] {
        (target + filter * window.inputCount).update(
          repeating: bias?.pointer(Float.self)[first + filter] ?? 0, count: window.inputCount)
      }
      ColumnMatrix.accumulate(
        columns.pointer(Float.self), into: target, channels: weight.shape[1], window)
    }
    return withExtendedLifetime((turned, columns)) { result }
  }
}
