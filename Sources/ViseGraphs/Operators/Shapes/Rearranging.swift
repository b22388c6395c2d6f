import ViseTensor

/// Operators that copy elements to other places.
enum RearrangingOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Transpose", halves: .asTheyAre) { node in
      let order = try node.ints("perm")
      return { inputs, context in
        let x = try inputs.required(0)
        return [try transposed(x, order ?? x.shape.indices.reversed(), context)]
      }
    },
    OperatorDefinition("Expand", opsets: 8...1000, halves: .asTheyAre) { _ in
      { inputs, context in
        guard let wanted = try inputs.integers(1) else { throw OperatorFault.missingInput(1) }
        let x = try inputs.required(0)
        return [try expanded(x, broadcastShape([x.shape, wanted]), context)]
      }
    },
    OperatorDefinition("Tile", opsets: 6...1000, halves: .asTheyAre) { _ in
      { try [tile($0, $1)] }
    },
    OperatorDefinition("Concat", halves: .asTheyAre) { node in
      let axis = try node.int("axis", default: 1)
      return { try [concatenated($0.tensors.compactMap { $0 }, axis: axis, $1)] }
    },
    OperatorDefinition("DepthToSpace", halves: .asTheyAre) { node in
      let block = try node.int("blocksize", default: 0)
      let isColumnsFirst = try node.string("mode", default: "DCR") == "CRD"
      return { try [depthToSpace($0, block, isColumnsFirst, $1)] }
    },
    OperatorDefinition("SpaceToDepth", halves: .asTheyAre) { node in
      let block = try node.int("blocksize", default: 0)
      let isColumnsFirst = try node.string("mode", default: "DCR") == "CRD"
      return { try [spaceToDepth($0, block, isColumnsFirst, $1)] }
    },
  ]

  static func transposed(
    _ x: Tensor, _ order: [Int], _ context: KernelContext
  ) throws -> Tensor {
    guard order.sorted() == Array(x.shape.indices) else { throw OperatorFault.attribute("perm") }
    let result = try context.make(x.type, order.map { x.shape[$0] })
    let strides = rowMajorStrides(x.shape)
    try x.type.dispatchWidth(
      StridedCopy(source: x, offset: 0, strides: order.map { strides[$0] }, result: result))
    return result
  }

  static func expanded(
    _ x: Tensor, _ shape: [Int], _ context: KernelContext
  ) throws -> Tensor {
    if shape == x.shape { return x }
    guard try broadcastShape([x.shape, shape]) == shape else {
      throw OperatorFault.shapes("\(x.shape) does not expand to \(shape)")
    }
    let result = try context.make(x.type, shape)
    try x.type.dispatchWidth(
      StridedCopy(
        source: x, offset: 0, strides: broadcastStrides(x.shape, to: shape), result: result))
    return result
  }

  private static func tile(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let x = try inputs.required(0)
    guard let repeats = try inputs.integers(1), repeats.count == x.rank,
      repeats.allSatisfy({ $0 >= 0 && $0 <= NodeDescription.integerLimit })
    else { throw OperatorFault.value("repeats do not fit the input's dimensions") }
    // Each axis becomes a pair: how often, and how long.
    let strides = rowMajorStrides(x.shape)
    var (shape, steps, final): ([Int], [Int], [Int]) = ([], [], [])
    for axis in x.shape.indices {
      shape += [repeats[axis], x.shape[axis]]
      steps += [0, strides[axis]]
      final.append(repeats[axis].multipliedReportingOverflow(by: x.shape[axis]).partialValue)
    }
    guard Tensor.elementCount(of: shape) != nil else {
      throw OperatorFault.shapes("\(x.shape) repeated \(repeats.prefix(8)) times")
    }
    let result = try context.make(x.type, shape)
    try x.type.dispatchWidth(StridedCopy(source: x, offset: 0, strides: steps, result: result))
    return result.reshaped(final)
  }

  static func concatenated(
    _ parts: [Tensor], axis: Int, _ context: KernelContext
  ) throws -> Tensor {
    guard let first = parts.first else { throw OperatorFault.missingInput(0) }
    let axis = try normalizedAxis(axis, rank: first.rank)
    var shape = first.shape
    shape[axis] = 0
    for (index, part) in parts.enumerated() {
      guard part.type == first.type else {
        throw OperatorFault.unsupportedType(input: index, part.type)
      }
      let fits =
        part.rank == first.rank
        && part.shape.indices.allSatisfy { $0 == axis || part.shape[$0] == shape[$0] }
      guard fits else { throw OperatorFault.shapes("\(parts.map(\.shape)) do not join") }
      shape[axis] += part.shape[axis]
    }
    let result = try context.make(first.type, shape)
    let width = first.type.byteCount
    let inner = shape[(axis + 1)...].reduce(1, *) * width
    let outer = shape[..<axis].reduce(1, *)
    var place = 0
    for part in parts {
      let run = part.shape[axis] * inner
      for index in 0..<(run == 0 ? 0 : outer) {
        (result.storage.pointer + index * shape[axis] * inner + place).copyMemory(
          from: part.storage.pointer + index * run, byteCount: run)
      }
      place += run
    }
    return result
  }

  private static func depthToSpace(
    _ inputs: KernelInputs, _ block: Int, _ isColumnsFirst: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    guard block > 0, block < 1 << 20, x.rank == 4, x.shape[1] % (block * block) == 0 else {
      throw OperatorFault.shapes("\(x.shape) with blocks of \(block)")
    }
    let (n, c, h, w) = (x.shape[0], x.shape[1] / (block * block), x.shape[2], x.shape[3])
    let boxes = isColumnsFirst ? [n, c, block, block, h, w] : [n, block, block, c, h, w]
    let order = isColumnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
    return try transposed(x.reshaped(boxes), order, context)
      .reshaped([n, c, h * block, w * block])
  }

  private static func spaceToDepth(
    _ inputs: KernelInputs, _ block: Int, _ isColumnsFirst: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    guard block > 0, x.rank == 4, x.shape[2] % block == 0, x.shape[3] % block == 0 else {
      throw OperatorFault.shapes("\(x.shape) with blocks of \(block)")
    }
    let (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2] / block, x.shape[3] / block)
    return try transposed(
      x.reshaped([n, c, h, block, w, block]),
      isColumnsFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4], context
    ).reshaped([n, c * block * block, h, w])
  }
}
