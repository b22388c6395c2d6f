import ViseTensor

/// Conversions between element types.
enum TypeConversion {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("Cast", halves: .asTheyAre) { node in
      guard let type = try node.elementType("to") else { throw OperatorFault.attribute("to") }
      return { [try convert($0.required(0), to: type, $1)] }
    },
    OperatorDefinition("CastLike", halves: .asTheyAre) { _ in
      { [try convert($0.required(0), to: $0.required(1).type, $1)] }
    },
    OperatorDefinition("BitCast", halves: .asTheyAre) { node in
      guard let type = try node.elementType("to") else { throw OperatorFault.attribute("to") }
      return { inputs, _ in
        let x = try inputs.required(0)
        guard type.bitCount == x.type.bitCount else { throw OperatorFault.attribute("to") }
        return [x.reinterpreted(as: type)]
      }
    },
  ]

  /// The elements as `type`: floats round to nearest, integers from floats lose their fraction,
  /// integers wrap around.
  static func convert(
    _ x: Tensor, to type: ElementType, _ context: KernelContext
  ) throws -> Tensor {
    if type == x.type { return x }
    switch (x.type, type) {
    case (.float16, _): return try convert(widenedHalf(x, context), to: type, context)
    case (.bfloat16, _): return try convert(widenedBrain(x, context), to: type, context)
    case (_, .float16), (_, .bfloat16):
      return try narrowed(convert(x, to: .float32, context), to: type, context)
    default: break
    }
    let result = try context.make(type, x.shape)
    try x.type.dispatch(FromVisitor(x: x, result: result))
    return result
  }

  private struct FromVisitor: NumberVisitor {
    let x: Tensor
    let result: Tensor

    func visit<From: TensorNumber>(_: From.Type) throws {
      try result.type.dispatch(ToVisitor<From>(x: x, result: result))
    }
  }

  private struct ToVisitor<From: TensorNumber>: NumberVisitor {
    let x: Tensor
    let result: Tensor

    func visit<To: TensorNumber>(_: To.Type) throws {
      if result.type == .bool {
        UnaryLoop.apply(x, result) { (value: From) in (value != From.zero ? 1 : 0) as UInt8 }
      } else if result.type.isFloating {
        UnaryLoop.apply(x, result) { (value: From) in To(nearest: value.asDouble) }
      } else if x.type.isFloating {
        // Through the widest integer, so that what does not fit wraps as it does in C.
        UnaryLoop.apply(x, result) { (value: From) in
          wrapped(Int64(nearest: value.asDouble.rounded(.towardZero))) as To
        }
      } else {
        UnaryLoop.apply(x, result) { (value: From) in wrapped(integer(value)) as To }
      }
    }

    private func integer(_ value: From) -> Int64 {
      switch value {
      case let value as Int64: value
      case let value as UInt64: Int64(truncatingIfNeeded: value)
      default: Int64(value.asDouble)
      }
    }

    /// The low bits of `value`, for a target of 4 bits those that count there.
    private func wrapped<To: TensorNumber>(_ value: Int64) -> To {
      switch result.type {
      case .int4: return To(nearest: Double((value << 60) >> 60))
      case .uint4: return To(nearest: Double(value & 15))
      case .int8: return To(nearest: Double(Int8(truncatingIfNeeded: value)))
      case .uint8: return To(nearest: Double(UInt8(truncatingIfNeeded: value)))
      case .int16: return To(nearest: Double(Int16(truncatingIfNeeded: value)))
      case .uint16: return To(nearest: Double(UInt16(truncatingIfNeeded: value)))
      case .int32: return To(nearest: Double(Int32(truncatingIfNeeded: value)))
      case .uint32: return To(nearest: Double(UInt32(truncatingIfNeeded: value)))
      default: return (value as? To) ?? (UInt64(bitPattern: value) as? To) ?? To.zero
      }
    }
  }

  private static func widenedHalf(
    _ x: Tensor, _ context: KernelContext
  ) throws(OperatorFault) -> Tensor {
    let result = try context.make(.float32, x.shape)
    UnaryLoop.apply(x, result) { (bits: UInt16) in Float(Float16(bitPattern: bits)) }
    return result
  }

  private static func widenedBrain(
    _ x: Tensor, _ context: KernelContext
  ) throws(OperatorFault) -> Tensor {
    let result = try context.make(.float32, x.shape)
    UnaryLoop.apply(x, result) { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    return result
  }

  /// Float32 as half floats of `type`, rounded to nearest, ties to even.
  static func narrowed(
    _ x: Tensor, to type: ElementType, _ context: KernelContext
  ) throws(OperatorFault) -> Tensor {
    let result = try context.make(type, x.shape)
    if type == .float16 {
      UnaryLoop.apply(x, result) { (value: Float) in Float16(value).bitPattern }
    } else {
      UnaryLoop.apply(x, result) { (value: Float) in
        let bits = value.bitPattern
        guard !value.isNaN else { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
      }
    }
    return result
  }
}
