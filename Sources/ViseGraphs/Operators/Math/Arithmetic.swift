import Glibc
import ViseTensor

/// Operators on two numbers, or on any number of them one after the other.
enum ArithmeticOperators {
  static let all: [OperatorDefinition] =
    Arithmetic.allCases.filter(\.isVariadic).map { kind in
      OperatorDefinition(kind.rawValue) { _ in { try variadic(kind, $0, $1) } }
    }
    + Arithmetic.allCases.filter { !$0.isVariadic && $0 != .slopeBelowZero }.map { kind in
      OperatorDefinition(kind.rawValue) { _ in { try [binary(kind, $0, $1)] } }
    } + [
      OperatorDefinition("Mean") { _ in { try mean($0, $1) } },
      OperatorDefinition("Mod") { node in
        let isC = try node.flag("fmod")
        return { try [mod(isC, $0, $1)] }
      },
      OperatorDefinition("Pow") { _ in { try [power($0, $1)] } },
      OperatorDefinition("BitShift") { node in
        let direction = try node.string("direction", default: "")
        guard direction == "LEFT" || direction == "RIGHT" else {
          throw OperatorFault.attribute("direction")
        }
        return { try [shift(isLeft: direction == "LEFT", $0, $1)] }
      },
      OperatorDefinition("PRelu") { _ in { try [parametricRelu($0, $1)] } },
    ]

  static func binary(
    _ kind: Arithmetic, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    try pair(kind, inputs.required(0), inputs.required(1), context)
  }

  static func pair(
    _ kind: Arithmetic, _ a: Tensor, _ b: Tensor, _ context: KernelContext
  ) throws -> Tensor {
    guard a.type == b.type else { throw OperatorFault.unsupportedType(input: 1, b.type) }
    let loop = try BinaryLoop(a, b)
    let result = try context.make(a.type, loop.shape)
    try a.type.dispatch(ArithmeticVisitor(kind: kind, loop: loop, result: result))
    return result
  }

  private static func variadic(
    _ kind: Arithmetic, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> [Tensor] {
    var total = try inputs.required(0)
    for index in 1..<max(inputs.count, 1) {
      total = try pair(kind, total, inputs.required(index), context)
    }
    return [total]
  }

  private static func mean(_ inputs: KernelInputs, _ context: KernelContext) throws -> [Tensor] {
    let sum = try variadic(.sum, inputs, context)[0]
    let count = Tensor([], [Float(inputs.count)])
    guard sum.type == .float32 else { throw OperatorFault.unsupportedType(input: 0, sum.type) }
    return [try pair(.divide, sum, count, context)]
  }

  private static func mod(
    _ isC: Bool, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    guard a.type == b.type else { throw OperatorFault.unsupportedType(input: 1, b.type) }
    let loop = try BinaryLoop(a, b)
    let result = try context.make(a.type, loop.shape)
    switch a.type {
    case .float32:
      if isC {
        loop.fill(result) { (x: Float, y: Float) in fmodf(x, y) }
      } else {
        loop.fill(result) { (x: Float, y: Float) in floored(Double(x), Double(y)) as Float }
      }
    case .float64:
      if isC {
        loop.fill(result) { (x: Double, y: Double) in fmod(x, y) }
      } else {
        loop.fill(result) { (x: Double, y: Double) in floored(x, y) as Double }
      }
    default: try a.type.dispatch(ModVisitor(isC: isC, loop: loop, result: result))
    }
    return result
  }

  private static func floored<Number: TensorNumber>(_ x: Double, _ y: Double) -> Number {
    let rest = fmod(x, y)
    return Number(nearest: rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest)
  }

  private static func power(_ inputs: KernelInputs, _ context: KernelContext) throws -> Tensor {
    let base = try inputs.required(0)
    let exponent = try inputs.required(1)
    let loop = try BinaryLoop(base, exponent)
    let result = try context.make(base.type, loop.shape)
    if base.type == .float32, exponent.type == .float32, exponent.count == 1,
      exponent.pointer(Float.self)[0] == 2
    {
      loop.fill(result) { (x: Float, _: Float) in x * x }
    } else {
      try base.type.dispatch(
        PowerVisitor(exponentType: exponent.type, loop: loop, result: result))
    }
    return result
  }

  private static func shift(
    isLeft: Bool, _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    guard a.type == b.type else { throw OperatorFault.unsupportedType(input: 1, b.type) }
    let loop = try BinaryLoop(a, b)
    let result = try context.make(a.type, loop.shape)
    try a.type.dispatchWidth(ShiftVisitor(isLeft: isLeft, loop: loop, result: result))
    return result
  }

  private static func parametricRelu(
    _ inputs: KernelInputs, _ context: KernelContext
  ) throws -> Tensor {
    let (x, slope) = (try inputs.required(0), try inputs.required(1))
    guard x.type == slope.type else {
      throw OperatorFault.unsupportedType(input: 1, slope.type)
    }
    let loop = try BinaryLoop(x, slope)
    guard loop.shape == x.shape else { throw OperatorFault.shapes("slope of \(slope.shape)") }
    let result = try context.make(x.type, loop.shape)
    try x.type.dispatch(ArithmeticVisitor(kind: .slopeBelowZero, loop: loop, result: result))
    return result
  }
}

/// What is done to two numbers of a type; the raw values are operators' names.
enum Arithmetic: String, CaseIterable {
  case add = "Add"
  case subtract = "Sub"
  case multiply = "Mul"
  case divide = "Div"
  case and = "BitwiseAnd"
  case or = "BitwiseOr"
  case xor = "BitwiseXor"
  case max = "Max"
  case min = "Min"
  case sum = "Sum"
  /// x where it is not negative, else x · y.
  case slopeBelowZero = "slope"

  var isVariadic: Bool { self == .max || self == .min || self == .sum }
}

private struct ArithmeticVisitor: NumberVisitor {
  let kind: Arithmetic
  let loop: BinaryLoop
  let result: Tensor

  func visit<T: TensorNumber>(_: T.Type) throws {
    switch kind {
    case .add, .sum: loop.fill(result) { (x: T, y: T) in T.wrappingAdd(x, y) }
    case .subtract: loop.fill(result) { (x: T, y: T) in T.wrappingSubtract(x, y) }
    case .multiply: loop.fill(result) { (x: T, y: T) in T.wrappingMultiply(x, y) }
    case .divide: loop.fill(result) { (x: T, y: T) in T.quotient(x, y) }
    case .max: loop.fill(result) { (x: T, y: T) in larger(x, y) }
    case .min: loop.fill(result) { (x: T, y: T) in smaller(x, y) }
    case .slopeBelowZero:
      loop.fill(result) { (x: T, y: T) in x < T.zero ? T.wrappingMultiply(x, y) : x }
    case .and, .or, .xor:
      try loop.a.type.dispatchWidth(BitsVisitor(kind: kind, loop: loop, result: result))
    }
  }
}

private struct BitsVisitor: WidthVisitor {
  let kind: Arithmetic
  let loop: BinaryLoop
  let result: Tensor

  func visit<T: FixedWidthInteger & BitwiseCopyable & Sendable>(_: T.Type) throws {
    guard !loop.a.type.isFloating else {
      throw OperatorFault.unsupportedType(input: 0, loop.a.type)
    }
    switch kind {
    case .and: loop.fill(result) { (x: T, y: T) in x & y }
    case .or: loop.fill(result) { (x: T, y: T) in x | y }
    default: loop.fill(result) { (x: T, y: T) in x ^ y }
    }
  }
}

/// Shifts; by a negative number or the width and more, all bits leave.
private struct ShiftVisitor: WidthVisitor {
  let isLeft: Bool
  let loop: BinaryLoop
  let result: Tensor

  func visit<T: FixedWidthInteger & BitwiseCopyable & Sendable>(_: T.Type) throws {
    switch loop.a.type {
    case .int8: shift(Int8.self)
    case .int16: shift(Int16.self)
    case .int32: shift(Int32.self)
    case .int64: shift(Int64.self)
    case .uint8, .uint16, .uint32, .uint64: shift(T.self)
    default: throw OperatorFault.unsupportedType(input: 0, loop.a.type)
    }
  }

  private func shift<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) {
    loop.fill(result) { (x: T, y: T) in
      let distance = y < 0 || y >= T.bitWidth ? T.bitWidth : Int(y)
      return isLeft ? x << distance : x >> distance
    }
  }
}

private struct ModVisitor: NumberVisitor {
  let isC: Bool
  let loop: BinaryLoop
  let result: Tensor

  func visit<T: TensorNumber>(_: T.Type) throws {
    loop.fill(result) { (x: T, y: T) in
      guard y != T.zero else { return T.zero }
      let rest = T.wrappingSubtract(x, T.wrappingMultiply(T.quotient(x, y), y))
      guard !isC, rest != T.zero, (rest < T.zero) != (y < T.zero) else { return rest }
      return T.wrappingAdd(rest, y)
    }
  }
}

private struct PowerVisitor: NumberVisitor {
  let exponentType: ElementType
  let loop: BinaryLoop
  let result: Tensor

  func visit<T: TensorNumber>(_: T.Type) throws {
    try exponentType.dispatch(Inner<T>(loop: loop, result: result), input: 1)
  }

  struct Inner<T: TensorNumber>: NumberVisitor {
    let loop: BinaryLoop
    let result: Tensor

    func visit<Exponent: TensorNumber>(_: Exponent.Type) throws {
      loop.fill(result) { (x: T, y: Exponent) in T(nearest: pow(x.asDouble, y.asDouble)) }
    }
  }
}
