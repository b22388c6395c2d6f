import ViseTensor

/// Operators that put elements at given places.
enum ScatteringOperators {
  static let all: [OperatorDefinition] =
    ["ScatterElements", "Scatter"].map { name in
      OperatorDefinition(name) { node in
        let axis = try node.int("axis", default: 0)
        let kind = try reduction(node)
        return { try [scatterElements($0, axis: axis, kind, $1)] }
      }
    } + [
      OperatorDefinition("ScatterND") { node in
        let kind = try reduction(node)
        return { try [scatterND($0, kind, $1)] }
      },
      OperatorDefinition("Trilu", halves: .asTheyAre) { node in
        let isUpper = try node.flag("upper", default: true)
        return { try [triangle($0, isUpper: isUpper, $1)] }
      },
      OperatorDefinition("EyeLike", halves: .asTheyAre) { node in
        let (type, shift) = (try node.elementType("dtype"), try node.int("k", default: 0))
        return { try [eye($0, type, shift, $1)] }
      },
    ]

  enum Reduction: String {
    case none, add, mul, max, min
  }

  private static func reduction(_ node: NodeDescription) throws(OperatorFault) -> Reduction {
    guard let kind = Reduction(rawValue: try node.string("reduction", default: "none")) else {
      throw .attribute("reduction")
    }
    return kind
  }

  static func copy(_ x: Tensor, _ context: KernelContext) throws(OperatorFault) -> Tensor {
    let result = try context.make(x.type, x.shape)
    result.storage.pointer.copyMemory(from: x.storage.pointer, byteCount: x.byteCount)
    return result
  }

  private static func scatterElements(
    _ inputs: KernelInputs, axis: Int, _ kind: Reduction, _ context: KernelContext
  ) throws -> Tensor {
    let (x, updates) = (try inputs.required(0), try inputs.required(2))
    let axis = try normalizedAxis(axis, rank: x.rank)
    let shape = try inputs.required(1).shape
    guard shape == updates.shape, shape.count == x.rank, updates.type == x.type,
      shape.indices.allSatisfy({ $0 == axis || shape[$0] <= x.shape[$0] })
    else { throw OperatorFault.shapes("updates of \(updates.shape) into \(x.shape)") }
    let indices = try GatheringOperators.normalized(
      inputs.integers(1) ?? [], length: x.shape[axis])
    let strides = rowMajorStrides(x.shape)
    var places: [Int] = []
    forEachIndex(shape) { flat, counters in
      places.append(
        shape.indices.reduce(0) {
          $0 + ($1 == axis ? indices[flat] : counters[$1]) * strides[$1]
        })
    }
    let result = try copy(x, context)
    try x.type.dispatch(
      PutVisitor(kind: kind, result: result, updates: updates, places: places, run: 1))
    return result
  }

  private static func scatterND(
    _ inputs: KernelInputs, _ kind: Reduction, _ context: KernelContext
  ) throws -> Tensor {
    let (x, updates) = (try inputs.required(0), try inputs.required(2))
    let shape = try inputs.required(1).shape
    guard let depth = shape.last, depth <= x.rank, updates.type == x.type,
      updates.shape == shape.dropLast() + x.shape[depth...]
    else { throw OperatorFault.shapes("updates of \(updates.shape) into \(x.shape)") }
    let indices = try inputs.integers(1) ?? []
    let strides = rowMajorStrides(x.shape)
    let places = try (0..<shape.dropLast().reduce(1, *)).map { tuple in
      var place = 0
      for axis in 0..<depth {
        let index = try GatheringOperators.normalized(
          [indices[tuple * depth + axis]], length: x.shape[axis])
        place += index[0] * strides[axis]
      }
      return place
    }
    let result = try copy(x, context)
    try x.type.dispatch(
      PutVisitor(
        kind: kind, result: result, updates: updates, places: places,
        run: x.shape[depth...].reduce(1, *)))
    return result
  }

  private struct PutVisitor: NumberVisitor {
    let kind: Reduction
    let result: Tensor
    let updates: Tensor
    let places: [Int]
    let run: Int

    func visit<T: TensorNumber>(_: T.Type) throws {
      let (target, source) = (result.pointer(T.self), updates.pointer(T.self))
      for (row, place) in places.enumerated() {
        for i in 0..<run {
          let (old, new) = (target[place + i], source[row * run + i])
          target[place + i] =
            switch kind {
            case .none: new
            case .add: T.wrappingAdd(old, new)
            case .mul: T.wrappingMultiply(old, new)
            case .max: larger(old, new)
            case .min: smaller(old, new)
            }
        }
      }
    }
  }

  private static func triangle(
    _ inputs: KernelInputs, isUpper: Bool, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    guard x.rank >= 2 else { throw OperatorFault.shapes("\(x.shape) is no matrix") }
    let shift = try inputs.integers(1)?.first ?? 0
    let result = try context.zeros(x.type, x.shape)
    let (rows, columns, width) = (x.shape[x.rank - 2], x.shape[x.rank - 1], x.type.byteCount)
    let bounded = max(-rows - 1, min(columns + 1, shift))
    for line in 0..<(columns == 0 ? 0 : x.count / columns) {
      let edge = line % rows + bounded
      let kept =
        isUpper
        ? min(max(edge, 0), columns)..<columns : 0..<min(max(edge + 1, 0), columns)
      let start = (line * columns + kept.lowerBound) * width
      (result.storage.pointer + start).copyMemory(
        from: x.storage.pointer + start, byteCount: kept.count * width)
    }
    return result
  }

  private static func eye(
    _ inputs: KernelInputs, _ type: ElementType?, _ shift: Int, _ context: KernelContext
  ) throws -> Tensor {
    let x = try inputs.required(0)
    guard x.rank == 2 else { throw OperatorFault.shapes("\(x.shape) is no matrix") }
    let ones = try context.zeros(.float32, x.shape)
    for row in 0..<x.shape[0] where (0..<x.shape[1]).contains(row + shift) {
      ones.pointer(Float.self)[row * x.shape[1] + row + shift] = 1
    }
    return try TypeConversion.convert(ones, to: type ?? x.type, context)
  }
}
