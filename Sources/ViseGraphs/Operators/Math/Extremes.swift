import ViseTensor

/// Places of extremes, running sums and the largest few.
enum ExtremeOperators {
  static let all: [OperatorDefinition] =
    ["ArgMax", "ArgMin"].map { name in
      OperatorDefinition(name) { node in
        let axis = try node.int("axis", default: 0)
        let keeps = try node.flag("keepdims", default: true)
        let isLast = try node.flag("select_last_index")
        return { inputs, context in
          let x = try inputs.required(0)
          let layout = try ReductionLayout(x.shape, axes: [axis], keeps: keeps)
          let result = try context.make(.int64, layout.shape)
          guard layout.length > 0 || result.count == 0 else {
            throw OperatorFault.shapes("an axis without elements")
          }
          try x.type.dispatch(
            PlaceVisitor(
              isLargest: name == "ArgMax", isLast: isLast, x: x, result: result, layout: layout))
          return [result]
        }
      }
    }
    + ["CumSum", "CumProd"].map { name in
      OperatorDefinition(name) { node in
        let isExclusive = try node.flag("exclusive")
        let isReverse = try node.flag("reverse")
        return { inputs, context in
          let x = try inputs.required(0)
          guard let axis = try inputs.integers(1)?.first else {
            throw OperatorFault.missingInput(1)
          }
          let result = try context.make(x.type, x.shape)
          try x.type.dispatch(
            RunningVisitor(
              isProduct: name == "CumProd", isExclusive: isExclusive, isReverse: isReverse,
              axis: try normalizedAxis(axis, rank: x.rank), x: x, result: result))
          return [result]
        }
      }
    } + [
      OperatorDefinition("TopK", opsets: 10...1000) { node in
        let axis = try node.int("axis", default: -1)
        let isLargest = try node.flag("largest", default: true)
        return { try topK($0, axis: axis, isLargest: isLargest, $1) }
      }
    ]

  private static func topK(
    _ inputs: KernelInputs, axis: Int, isLargest: Bool, _ context: KernelContext
  ) throws -> [Tensor] {
    let x = try inputs.required(0)
    let axis = try normalizedAxis(axis, rank: x.rank)
    guard let count = try inputs.integers(1)?.first, count >= 0, count <= x.shape[axis] else {
      throw OperatorFault.value("k is not between 0 and the length of the axis")
    }
    var shape = x.shape
    shape[axis] = count
    let values = try context.make(x.type, shape)
    let places = try context.make(.int64, shape)
    try x.type.dispatch(
      TopVisitor(
        isLargest: isLargest, axis: axis, count: count, x: x, values: values, places: places))
    return [values, places]
  }
}

private struct PlaceVisitor: NumberVisitor {
  let isLargest: Bool
  let isLast: Bool
  let x: Tensor
  let result: Tensor
  let layout: ReductionLayout

  func visit<T: TensorNumber>(_: T.Type) throws {
    let source = x.pointer(T.self)
    let target = result.pointer(Int64.self)
    layout.forEachResult { index, start in
      var (best, place, number) = (source[start], 0, 0)
      layout.forEachElement { offset in
        let value = (source + start)[offset]
        let isBetter = isLargest ? value > best : value < best
        if isBetter || (isLast && value == best) { (best, place) = (value, number) }
        number += 1
      }
      target[index] = Int64(place)
    }
  }
}

private struct RunningVisitor: NumberVisitor {
  let isProduct: Bool
  let isExclusive: Bool
  let isReverse: Bool
  let axis: Int
  let x: Tensor
  let result: Tensor

  func visit<T: TensorNumber>(_: T.Type) throws {
    let length = x.shape[axis]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let outer = x.shape[..<axis].reduce(1, *)
    let (source, target) = (x.pointer(T.self), result.pointer(T.self))
    for start in (0..<outer * inner).map({ $0 / inner * length * inner + $0 % inner }) {
      var total = isProduct ? T(nearest: 1) : T.zero
      for step in 0..<length {
        let place = start + (isReverse ? length - 1 - step : step) * inner
        if isExclusive { target[place] = total }
        total =
          isProduct
          ? T.wrappingMultiply(total, source[place]) : T.wrappingAdd(total, source[place])
        if !isExclusive { target[place] = total }
      }
    }
  }
}

private struct TopVisitor: NumberVisitor {
  let isLargest: Bool
  let axis: Int
  let count: Int
  let x: Tensor
  let values: Tensor
  let places: Tensor

  func visit<T: TensorNumber>(_: T.Type) throws {
    let length = x.shape[axis]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let outer = x.shape[..<axis].reduce(1, *)
    let source = x.pointer(T.self)
    let (values, places) = (values.pointer(T.self), places.pointer(Int64.self))
    for outerIndex in 0..<outer {
      for innerIndex in 0..<inner {
        let line = source + outerIndex * length * inner + innerIndex
        let order = (0..<length).sorted { a, b in
          let (x, y) = (line[a * inner], line[b * inner])
          return x == y ? a < b : isLargest ? x > y : x < y
        }
        for (rank, place) in order.prefix(count).enumerated() {
          let target = (outerIndex * count + rank) * inner + innerIndex
          values[target] = line[place * inner]
          places[target] = Int64(place)
        }
      }
    }
  }
}
