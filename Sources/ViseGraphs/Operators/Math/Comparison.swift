import ViseTensor

/// Comparisons, logic on truth values, and choice.
enum ComparisonOperators {
  static let all: [OperatorDefinition] =
    Comparison.allCases.map { kind in
      OperatorDefinition(kind.rawValue) { _ in { try [compare(kind, $0, $1)] } }
    }
    + Logic.allCases.map { kind in
      OperatorDefinition(kind.rawValue) { _ in { try [logic(kind, $0, $1)] } }
    } + [
      OperatorDefinition("Where", halves: .asTheyAre) { _ in { try [choose($0, $1)] } },
      OperatorDefinition("Not") { _ in { try [negate($0, $1)] } },
    ]

  enum Comparison: String, CaseIterable {
    case equal = "Equal"
    case less = "Less"
    case greater = "Greater"
    case lessOrEqual = "LessOrEqual"
    case greaterOrEqual = "GreaterOrEqual"
  }

  enum Logic: String, CaseIterable {
    case and = "And"
    case or = "Or"
    case xor = "Xor"
  }

  private static func compare(
    _ kind: Comparison, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    guard a.type == b.type else { throw OperatorFault.unsupportedType(input: 1, b.type) }
    let loop = try BinaryLoop(a, b)
    let result = try context.make(.bool, loop.shape)
    try a.type.dispatch(CompareVisitor(kind: kind, loop: loop, result: result))
    return result
  }

  private struct CompareVisitor: NumberVisitor {
    let kind: Comparison
    let loop: BinaryLoop
    let result: Tensor

    func visit<T: TensorNumber>(_: T.Type) throws {
      switch kind {
      case .equal: loop.fill(result) { (x: T, y: T) in (x == y ? 1 : 0) as UInt8 }
      case .less: loop.fill(result) { (x: T, y: T) in (x < y ? 1 : 0) as UInt8 }
      case .greater: loop.fill(result) { (x: T, y: T) in (x > y ? 1 : 0) as UInt8 }
      case .lessOrEqual: loop.fill(result) { (x: T, y: T) in (x <= y ? 1 : 0) as UInt8 }
      case .greaterOrEqual: loop.fill(result) { (x: T, y: T) in (x >= y ? 1 : 0) as UInt8 }
      }
    }
  }

  private static func logic(
    _ kind: Logic, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let loop = try BinaryLoop(inputs.required(0, .bool), inputs.required(1, .bool))
    let result = try context.make(.bool, loop.shape)
    switch kind {
    case .and: loop.fill(result) { (x: UInt8, y: UInt8) in (x != 0 && y != 0 ? 1 : 0) as UInt8 }
    case .or: loop.fill(result) { (x: UInt8, y: UInt8) in (x != 0 || y != 0 ? 1 : 0) as UInt8 }
    case .xor:
      loop.fill(result) { (x: UInt8, y: UInt8) in ((x != 0) != (y != 0) ? 1 : 0) as UInt8 }
    }
    return result
  }

  private static func negate(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let input = try inputs.required(0, .bool)
    let result = try context.make(.bool, input.shape)
    let (source, target) = (input.pointer(UInt8.self), result.pointer(UInt8.self))
    for index in 0..<input.count { target[index] = source[index] == 0 ? 1 : 0 }
    return result
  }

  private static func choose(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let condition = try inputs.required(0, .bool)
    let (a, b) = (try inputs.required(1), try inputs.required(2))
    guard a.type == b.type else { throw OperatorFault.unsupportedType(input: 2, b.type) }
    let shape = try broadcastShape([condition.shape, a.shape, b.shape])
    let result = try context.make(a.type, shape)
    try a.type.dispatchWidth(ChooseVisitor(condition: condition, a: a, b: b, result: result))
    return result
  }

  private struct ChooseVisitor: WidthVisitor {
    let condition: Tensor
    let a: Tensor
    let b: Tensor
    let result: Tensor

    func visit<T: FixedWidthInteger & BitwiseCopyable & Sendable>(_: T.Type) throws {
      let walk = StridedWalk(
        shape: result.shape,
        strides: [condition, a, b].map { broadcastStrides($0.shape, to: result.shape) })
      let (test, x, y) = (condition.pointer(UInt8.self), a.pointer(T.self), b.pointer(T.self))
      let (out, length) = (result.pointer(T.self), walk.innerLength)
      let (stepTest, stepX, stepY) = (
        walk.innerStride(0), walk.innerStride(1), walk.innerStride(2)
      )
      walk.forEachRun { run, places in
        for i in 0..<length {
          out[run * length + i] =
            test[places[0] + i * stepTest] != 0
            ? x[places[1] + i * stepX] : y[places[2] + i * stepY]
        }
      }
    }
  }
}
