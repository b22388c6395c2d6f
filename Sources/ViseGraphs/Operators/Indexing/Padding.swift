import ViseTensor

/// Pad in its four modes, and cropping or padding to a given size.
enum PaddingOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Pad", opsets: 2...10, halves: .asTheyAre) { node in
      let mode = try mode(node)
      let pads = try node.ints("pads") ?? []
      let value = Tensor([], [try node.float("value", default: 0)])
      return { inputs, context in
        [try pad(inputs.required(0), pads, axes: nil, value: value, mode, context)]
      }
    },
    OperatorDefinition("Pad", opsets: 11...1000, halves: .asTheyAre) { node in
      let mode = try mode(node)
      return { inputs, context in
        guard let pads = try inputs.integers(1) else { throw OperatorFault.missingInput(1) }
        return [
          try pad(
            inputs.required(0), pads, axes: inputs.integers(3), value: inputs[2], mode, context)
        ]
      }
    },
    OperatorDefinition("CenterCropPad", halves: .asTheyAre) { node in
      let axes = try node.ints("axes")
      return { try [centred($0, axes, $1)] }
    },
  ]

  enum Mode: String {
    case constant, reflect, edge, wrap
  }

  private static func mode(_ node: NodeDescription) throws(OperatorFault) -> Mode {
    guard let mode = Mode(rawValue: try node.string("mode", default: "constant")) else {
      throw .attribute("mode")
    }
    return mode
  }

  private static func pad(
    _ x: Tensor, _ pads: [Int], axes: [Int]?, value: Tensor?, _ mode: Mode,
    _ context: KernelContext
  ) throws -> Tensor {
    let axes = try axes?.map { try normalizedAxis($0, rank: x.rank) } ?? Array(x.shape.indices)
    guard pads.count == 2 * axes.count,
      pads.allSatisfy({ abs($0) <= NodeDescription.integerLimit })
    else { throw OperatorFault.value("\(pads.count) pads for \(axes.count) axes") }
    var (before, shape) = (x.shape.map { _ in 0 }, x.shape)
    for (index, axis) in axes.enumerated() {
      before[axis] = pads[index]
      shape[axis] = x.shape[axis] + pads[index] + pads[axes.count + index]
      guard shape[axis] >= 0 else { throw OperatorFault.value("pads take more than there is") }
    }
    if let value, value.count != 1 || value.type != x.type {
      throw OperatorFault.unsupportedType(input: 2, value.type)
    }
    let result = try context.make(x.type, shape)
    if mode != .constant, x.count == 0, result.count > 0 {
      throw OperatorFault.shapes("nothing to repeat in \(x.shape)")
    }
    try x.type.dispatchWidth(
      PadVisitor(
        x: x, result: result,
        sources: shape.indices.map { axis in
          (0..<shape[axis]).map { source($0 - before[axis], x.shape[axis], mode) }
        }, value: value))
    return result
  }

  /// The index whose element stands at `index` of an axis of `length`; -1 for the value.
  private static func source(_ index: Int, _ length: Int, _ mode: Mode) -> Int {
    if (0..<length).contains(index) { return index }
    guard length > 0 else { return -1 }
    switch mode {
    case .constant: return -1
    case .edge: return index < 0 ? 0 : length - 1
    case .wrap: return (index % length + length) % length
    case .reflect:
      guard length > 1 else { return 0 }
      let period = 2 * (length - 1)
      let place = (index % period + period) % period
      return place < length ? place : period - place
    }
  }

  private struct PadVisitor: WidthVisitor {
    let x: Tensor
    let result: Tensor
    /// By axis, where each element comes from.
    let sources: [[Int]]
    let value: Tensor?

    func visit<T: FixedWidthInteger & BitwiseCopyable & Sendable>(_: T.Type) throws {
      let (source, target) = (x.pointer(T.self), result.pointer(T.self))
      let fill = value.map { $0.pointer(T.self)[0] } ?? 0
      let strides = rowMajorStrides(x.shape)
      guard let last = sources.last else {
        target[0] = source[0]
        return
      }
      forEachIndex(Array(result.shape.dropLast())) { line, counters in
        var (place, isInside) = (0, true)
        for (axis, index) in counters.enumerated() {
          let from = sources[axis][index]
          isInside = isInside && from >= 0
          place += from * strides[axis]
        }
        let row = target + line * last.count
        for (column, from) in last.enumerated() {
          row[column] = isInside && from >= 0 ? source[place + from] : fill
        }
      }
    }
  }

  private static func centred(
    _ inputs: KernelInputs, _ axes: [Int]?, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    let axes = try axes?.map { try normalizedAxis($0, rank: x.rank) } ?? Array(x.shape.indices)
    guard let wanted = try inputs.integers(1), wanted.count == axes.count,
      wanted.allSatisfy({ (0...NodeDescription.integerLimit).contains($0) })
    else { throw OperatorFault.value("a size that does not fit the axes") }
    var pads = [Int](repeating: 0, count: 2 * axes.count)
    for (index, axis) in axes.enumerated() {
      let difference = wanted[index] - x.shape[axis]
      // Both cropping and padding put the odd element at the end.
      let start = difference >= 0 ? difference / 2 : -((-difference) / 2)
      pads[index] = start
      pads[axes.count + index] = difference - start
    }
    return try pad(x, pads, axes: axes, value: nil, .constant, context)
  }
}
