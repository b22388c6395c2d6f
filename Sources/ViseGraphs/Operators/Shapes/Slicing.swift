import ViseTensor

/// Operators that cut tensors into parts.
enum SlicingOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Slice", opsets: 1...9, halves: .asTheyAre) { node in
      let (starts, ends) = (try node.wideInts("starts") ?? [], try node.wideInts("ends") ?? [])
      let axes = try node.ints("axes")
      return { inputs, context in
        [try slice(inputs.required(0), starts, ends, axes, nil, context)]
      }
    },
    OperatorDefinition("Slice", opsets: 10...1000, halves: .asTheyAre) { _ in
      { inputs, context in
        guard let starts = try inputs.integers(1), let ends = try inputs.integers(2) else {
          throw OperatorFault.missingInput(1)
        }
        return [
          try slice(
            inputs.required(0), starts, ends, inputs.integers(3), inputs.integers(4), context)
        ]
      }
    },
    OperatorDefinition("Split", opsets: 2...12, halves: .asTheyAre) { node in
      let (axis, lengths) = (try node.int("axis", default: 0), try node.ints("split"))
      let count = node.outputCount
      return { try split($0.required(0), axis: axis, lengths: lengths, count: count, $1) }
    },
    OperatorDefinition("Split", opsets: 13...1000, halves: .asTheyAre) { node in
      let axis = try node.int("axis", default: 0)
      let count = try node.int("num_outputs") ?? node.outputCount
      return { inputs, context in
        try split(
          inputs.required(0), axis: axis, lengths: inputs.integers(1), count: count, context)
      }
    },
    OperatorDefinition("ReverseSequence", halves: .asTheyAre) { node in
      let time = try node.int("time_axis", default: 0)
      let batch = try node.int("batch_axis", default: 1)
      return { try [reverseSequence($0, time: time, batch: batch, $1)] }
    },
  ]

  private static func slice(
    _ x: Tensor, _ starts: [Int], _ ends: [Int], _ axes: [Int]?, _ steps: [Int]?,
    _ context: KernelContext
  ) throws -> Tensor {
    let axes = axes ?? Array(starts.indices)
    let steps = steps ?? starts.map { _ in 1 }
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count
    else { throw OperatorFault.value("starts, ends, axes and steps of different lengths") }
    var (shape, strides) = (x.shape, rowMajorStrides(x.shape))
    var offset = 0
    var seen = Set<Int>()
    for (index, axis) in axes.enumerated() {
      let axis = try normalizedAxis(axis, rank: x.rank)
      guard seen.insert(axis).inserted else { throw OperatorFault.value("axes appear twice") }
      let step = steps[index]
      guard step != 0, step != .min else { throw OperatorFault.value("a step of 0") }
      let length = x.shape[axis]
      // Steps beyond the axis reach its first element alone.
      let stride = max(-length - 1, min(length + 1, step))
      let start = clamped(starts[index], length, low: 0, high: step > 0 ? length : length - 1)
      let end = clamped(
        ends[index], length, low: step > 0 ? 0 : -1, high: step > 0 ? length : length - 1)
      let count =
        step > 0
        ? max(0, (end - start + stride - 1) / stride) : max(0, (start - end - stride - 1) / -stride)
      shape[axis] = count
      if count > 0 { offset += start * strides[axis] }
      strides[axis] *= stride
    }
    let result = try context.make(x.type, shape)
    guard result.count > 0 else { return result }
    try x.type.dispatchWidth(
      StridedCopy(source: x, offset: offset, strides: strides, result: result))
    return result
  }

  /// An index counted from the end where negative, brought between two bounds.
  private static func clamped(_ index: Int, _ length: Int, low: Int, high: Int) -> Int {
    let place = index < 0 ? index.addingReportingOverflow(length).partialValue : index
    return min(max(place, low), high)
  }

  private static func split(
    _ x: Tensor, axis: Int, lengths: [Int]?, count: Int, _ context: KernelContext
  ) throws -> [Tensor] {
    let axis = try normalizedAxis(axis, rank: x.rank)
    let total = x.shape[axis]
    guard count > 0, count <= 1 << 16 else { throw OperatorFault.attribute("num_outputs") }
    // Even parts; the last is shorter where they do not come out even.
    let even = (total + count - 1) / count
    let lengths = lengths ?? (0..<count).map { max(0, min(even, total - $0 * even)) }
    guard lengths.allSatisfy({ (0...total).contains($0) }), lengths.reduce(0, +) == total else {
      throw OperatorFault.value("parts \(lengths.prefix(8)) of an axis of \(total)")
    }
    let strides = rowMajorStrides(x.shape)
    var start = 0
    return try lengths.map { length in
      var shape = x.shape
      shape[axis] = length
      let result = try context.make(x.type, shape)
      try x.type.dispatchWidth(
        StridedCopy(source: x, offset: start * strides[axis], strides: strides, result: result))
      start += length
      return result
    }
  }

  private static func reverseSequence(
    _ inputs: KernelInputs, time: Int, batch: Int, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    guard x.rank >= 2, Set([time, batch]) == [0, 1],
      let lengths = try inputs.integers(1), lengths.count == x.shape[batch],
      lengths.allSatisfy({ (0...x.shape[time]).contains($0) })
    else { throw OperatorFault.shapes("\(x.shape) does not fit the sequence lengths") }
    let result = try context.make(x.type, x.shape)
    let strides = rowMajorStrides(x.shape).map { $0 * x.type.byteCount }
    let width = x.shape[2...].reduce(1, *) * x.type.byteCount
    for (row, length) in lengths.enumerated() {
      for step in 0..<x.shape[time] {
        let source = step < length ? length - 1 - step : step
        (result.storage.pointer + row * strides[batch] + step * strides[time]).copyMemory(
          from: x.storage.pointer + row * strides[batch] + source * strides[time],
          byteCount: width)
      }
    }
    return result
  }
}
