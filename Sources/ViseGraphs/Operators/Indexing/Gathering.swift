import ViseTensor

/// Operators that pick elements by index.
enum GatheringOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Gather", halves: .asTheyAre) { node in
      let axis = try node.int("axis", default: 0)
      return { try [gather($0, axis: axis, $1)] }
    },
    OperatorDefinition("GatherElements", halves: .asTheyAre) { node in
      let axis = try node.int("axis", default: 0)
      return { try [gatherElements($0, axis: axis, $1)] }
    },
    OperatorDefinition("GatherND", halves: .asTheyAre) { node in
      let batch = try node.int("batch_dims", default: 0)
      return { try [gatherND($0, batch: batch, $1)] }
    },
    OperatorDefinition("Compress", halves: .asTheyAre) { node in
      let axis = try node.int("axis")
      return { try [compress($0, axis: axis, $1)] }
    },
    OperatorDefinition("NonZero") { _ in { try [nonZero($0, $1)] } },
    OperatorDefinition("OneHot") { node in
      let axis = try node.int("axis", default: -1)
      return { try [oneHot($0, axis: axis, $1)] }
    },
  ]

  /// Indices counted from the end where negative, all within `0..<length`.
  static func normalized(_ indices: [Int], length: Int) throws(OperatorFault) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(indices.count)
    for index in indices {
      let place = index < 0 ? index + length : index
      guard place >= 0, place < length else {
        throw .value("index \(index) of an axis of \(length)")
      }
      result.append(place)
    }
    return result
  }

  static func gather(
    _ inputs: KernelInputs, axis: Int, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    let axis = try normalizedAxis(axis, rank: x.rank)
    let indexShape = try inputs.required(1).shape
    let indices = try normalized(inputs.integers(1) ?? [], length: x.shape[axis])
    let result = try context.make(
      x.type, Array(x.shape[..<axis]) + indexShape + Array(x.shape[(axis + 1)...]))
    let run = x.shape[(axis + 1)...].reduce(1, *) * x.type.byteCount
    guard run > 0 else { return result }
    for outer in 0..<x.shape[..<axis].reduce(1, *) {
      let source = x.storage.pointer + outer * x.shape[axis] * run
      let target = result.storage.pointer + outer * indices.count * run
      for (place, index) in indices.enumerated() {
        (target + place * run).copyMemory(from: source + index * run, byteCount: run)
      }
    }
    return result
  }

  private static func gatherElements(
    _ inputs: KernelInputs, axis: Int, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    let axis = try normalizedAxis(axis, rank: x.rank)
    let shape = try inputs.required(1).shape
    guard shape.count == x.rank,
      shape.indices.allSatisfy({ $0 == axis || shape[$0] <= x.shape[$0] })
    else { throw OperatorFault.shapes("indices of \(shape) into \(x.shape)") }
    let indices = try normalized(inputs.integers(1) ?? [], length: x.shape[axis])
    let result = try context.make(x.type, shape)
    let width = x.type.byteCount
    let strides = rowMajorStrides(x.shape)
    forEachIndex(shape) { flat, counters in
      var place = 0
      for dimension in shape.indices {
        place += (dimension == axis ? indices[flat] : counters[dimension]) * strides[dimension]
      }
      (result.storage.pointer + flat * width).copyMemory(
        from: x.storage.pointer + place * width, byteCount: width)
    }
    return result
  }

  private static func gatherND(
    _ inputs: KernelInputs, batch: Int, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    let shape = try inputs.required(1).shape
    guard let depth = shape.last, batch >= 0, batch < shape.count, batch + depth <= x.rank,
      depth >= 0, shape[..<batch] == x.shape[..<min(batch, x.rank)]
    else { throw OperatorFault.shapes("indices of \(shape) into \(x.shape)") }
    let indices = try inputs.integers(1) ?? []
    let rest = Array(x.shape[(batch + depth)...])
    let result = try context.make(x.type, shape.dropLast() + rest)
    let run = rest.reduce(1, *) * x.type.byteCount
    let tuples = shape.dropLast().reduce(1, *)
    let batches = shape[..<batch].reduce(1, *)
    let strides = rowMajorStrides(x.shape)
    let batchSize = x.shape[batch...].reduce(1, *)
    guard run > 0, tuples > 0 else { return result }
    for tuple in 0..<tuples {
      var place = tuple / (tuples / batches) * batchSize
      for axis in 0..<depth {
        let length = x.shape[batch + axis]
        let index = try normalized([indices[tuple * depth + axis]], length: length)[0]
        place += index * strides[batch + axis]
      }
      (result.storage.pointer + tuple * run).copyMemory(
        from: x.storage.pointer + place * x.type.byteCount, byteCount: run)
    }
    return result
  }

  private static func compress(
    _ inputs: KernelInputs, axis: Int?, _ context: KernelContext
  ) throws -> Tensor {
    var x = try inputs.required(0)
    if axis == nil { x = x.reshaped([x.count]) }
    let axis = try normalizedAxis(axis ?? 0, rank: x.rank)
    let condition = try inputs.required(1, .bool)
    guard condition.rank == 1 else {
      throw OperatorFault.shapes("a condition of \(condition.shape)")
    }
    let kept = (0..<min(condition.count, x.shape[axis])).filter {
      condition.pointer(UInt8.self)[$0] != 0
    }
    let indices = Tensor([kept.count], kept.map { Int64($0) })
    return try gather(KernelInputs(tensors: [x, indices]), axis: axis, context)
  }

  private static func nonZero(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let x = try inputs.required(0)
    let flags = try x.type.dispatch(NonZeroVisitor(x: x))
    let places = flags.indices.filter { flags[$0] }
    let result = try context.make(.int64, [x.rank, places.count])
    let strides = rowMajorStrides(x.shape)
    for (axis, stride) in strides.enumerated() {
      for (column, place) in places.enumerated() {
        result.pointer(Int64.self)[axis * places.count + column] = Int64(
          place / stride % x.shape[axis])
      }
    }
    return result
  }

  private struct NonZeroVisitor: NumberVisitor {
    let x: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws -> [Bool] {
      let source = x.pointer(T.self)
      return (0..<x.count).map { source[$0] != T.zero }
    }
  }

  private static func oneHot(
    _ inputs: KernelInputs, axis: Int, _ context: KernelContext
  ) throws -> Tensor {
    let shape = try inputs.required(0).shape
    let values = try inputs.required(2)
    guard let size = try inputs.scalar(1), size >= 0, size < 0x1p40, values.count == 2 else {
      throw OperatorFault.value("the depth or the values of OneHot")
    }
    let depth = Int(size)
    let axis = try normalizedAxis(axis, rank: shape.count + 1)
    let indices = try wholeNumbers(inputs.required(0))
    let result = try context.make(
      values.type, Array(shape[..<axis]) + [depth] + Array(shape[axis...]))
    let width = values.type.byteCount
    let inner = shape[axis...].reduce(1, *)
    for flat in 0..<result.count {
      let hot = indices[flat / (inner * depth) * inner + flat % inner]
      let isOn = (hot < 0 ? hot + depth : hot) == flat / inner % depth
      (result.storage.pointer + flat * width).copyMemory(
        from: values.storage.pointer + (isOn ? width : 0), byteCount: width)
    }
    return result
  }

  private static func wholeNumbers(_ x: Tensor) throws -> [Int] {
    if x.type == .float32 {
      return x.values(Float.self).map { Int(Int32(nearest: Double($0))) }
    }
    return try KernelInputs(tensors: [x]).integers(0) ?? []
  }
}

/// Calls `body` with each index of a box, flat and by dimension, in row-major order.
func forEachIndex(_ shape: [Int], _ body: (_ flat: Int, _ counters: [Int]) throws -> Void) rethrows
{
  guard !shape.contains(0) else { return }
  var counters = [Int](repeating: 0, count: shape.count)
  for flat in 0..<shape.reduce(1, *) {
    try body(flat, counters)
    var axis = shape.count - 1
    while axis >= 0 {
      counters[axis] += 1
      if counters[axis] < shape[axis] { break }
      counters[axis] = 0
      axis -= 1
    }
  }
}
