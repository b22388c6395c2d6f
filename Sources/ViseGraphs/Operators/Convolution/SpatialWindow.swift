import ViseTensor

/// A window that moves over the spatial dimensions of a tensor: convolutions and pools.
///
/// There are always three dimensions here, depth × height × width; those a tensor lacks are 1.
struct SpatialWindow: Sendable {
  enum AutomaticPadding: String {
    case none = "NOTSET"
    case valid = "VALID"
    case sameUpper = "SAME_UPPER"
    case sameLower = "SAME_LOWER"
  }

  let kernel: [Int]?
  let strides: [Int]?
  let dilations: [Int]?
  let pads: [Int]?
  let automatic: AutomaticPadding
  let roundsUp: Bool

  /// - Parameter needsKernel: pools say how large their window is, convolutions have it in a weight.
  init(_ node: NodeDescription, needsKernel: Bool = false) throws(OperatorFault) {
    kernel = try node.ints("kernel_shape")
    strides = try node.ints("strides")
    dilations = try node.ints("dilations")
    pads = try node.ints("pads")
    roundsUp = try node.flag("ceil_mode")
    guard let padding = AutomaticPadding(rawValue: try node.string("auto_pad", default: "NOTSET"))
    else { throw .attribute("auto_pad") }
    automatic = padding
    if needsKernel, kernel == nil { throw .attribute("kernel_shape") }
    for (name, values) in [
      ("kernel_shape", kernel), ("strides", strides), ("dilations", dilations),
    ] {
      guard values?.allSatisfy({ $0 > 0 && $0 < 1 << 20 }) ?? true else { throw .attribute(name) }
    }
    guard pads?.allSatisfy({ $0 >= 0 && $0 < 1 << 20 }) ?? true else { throw .attribute("pads") }
  }

  /// The window over a given input.
  struct Placement: Sendable {
    /// Depth, height and width each.
    let input: [Int]
    let kernel: [Int]
    let strides: [Int]
    let dilations: [Int]
    let padsBefore: [Int]
    let padsAfter: [Int]
    let output: [Int]
    /// Spatial dimensions the tensor really has.
    let rank: Int

    var inputCount: Int { input.reduce(1, *) }
    var outputCount: Int { output.reduce(1, *) }
    var kernelCount: Int { kernel.reduce(1, *) }
    /// The output's dimensions as the tensor has them.
    var outputShape: [Int] { Array(output.suffix(rank)) }
  }

  /// The window over spatial dimensions `input`, with a kernel of `kernel` where the node says none.
  func placed(
    on input: [Int], kernel weightKernel: [Int]? = nil
  ) throws(OperatorFault) -> Placement {
    let rank = input.count
    guard rank >= 1, rank <= 3 else {
      throw .unsupported("\(rank) spatial dimensions")
    }
    let kernel = weightKernel ?? self.kernel ?? input
    guard kernel.count == rank, self.kernel == nil || self.kernel == kernel,
      strides?.count ?? rank == rank, dilations?.count ?? rank == rank,
      pads?.count ?? 2 * rank == 2 * rank, kernel.allSatisfy({ $0 > 0 && $0 < 1 << 24 })
    else { throw .shapes("a window of \(kernel) over \(input)") }
    let ones = [Int](repeating: 1, count: rank)
    let (strides, dilations) = (self.strides ?? ones, self.dilations ?? ones)
    var (before, after, output): ([Int], [Int], [Int]) = ([], [], [])
    for axis in 0..<rank {
      let extent = (kernel[axis] - 1) * dilations[axis] + 1
      let (low, high) = padding(axis, rank, input[axis], extent, strides[axis])
      let room = input[axis] + low + high - extent
      guard room >= 0 else { throw .shapes("a window of \(kernel) over \(input)") }
      var length = room / strides[axis] + 1
      if roundsUp, room % strides[axis] != 0, length * strides[axis] < input[axis] + low {
        // A window more, where it begins within the input or the padding before it.
        length += 1
      }
      before.append(low)
      after.append(high)
      output.append(length)
    }
    func three(_ values: [Int], _ fill: Int) -> [Int] {
      [Int](repeating: fill, count: 3 - rank) + values
    }
    return Placement(
      input: three(input, 1), kernel: three(kernel, 1), strides: three(strides, 1),
      dilations: three(dilations, 1), padsBefore: three(before, 0), padsAfter: three(after, 0),
      output: three(output, 1), rank: rank)
  }

  private func padding(
    _ axis: Int, _ rank: Int, _ length: Int, _ extent: Int, _ stride: Int
  ) -> (Int, Int) {
    switch automatic {
    case .none: return (pads?[axis] ?? 0, pads?[rank + axis] ?? 0)
    case .valid: return (0, 0)
    case .sameUpper, .sameLower:
      let total = max(0, ((length + stride - 1) / stride - 1) * stride + extent - length)
      let small = total / 2
      return automatic == .sameUpper ? (small, total - small) : (total - small, small)
    }
  }
}
