import ViseTensor

/// Work that is compiled for each type of number.
protocol NumberVisitor {
  associatedtype Result
  func visit<Number: TensorNumber>(_: Number.Type) throws -> Result
}

/// Work that only moves elements, compiled for each width.
protocol WidthVisitor {
  associatedtype Result
  func visit<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(_: Word.Type) throws -> Result
}

extension ElementType {
  /// Calls `visitor` with the Swift type of the elements; `bool` counts as bytes.
  ///
  /// - Parameter input: whose type this is, for the error.
  func dispatch<Visitor: NumberVisitor>(
    _ visitor: Visitor, input: Int = 0
  ) throws -> Visitor.Result {
    switch self {
    case .float32: return try visitor.visit(Float.self)
    case .float64: return try visitor.visit(Double.self)
    case .int8, .int4: return try visitor.visit(Int8.self)
    case .uint8, .bool, .uint4: return try visitor.visit(UInt8.self)
    case .int16: return try visitor.visit(Int16.self)
    case .uint16: return try visitor.visit(UInt16.self)
    case .int32: return try visitor.visit(Int32.self)
    case .uint32: return try visitor.visit(UInt32.self)
    case .int64: return try visitor.visit(Int64.self)
    case .uint64: return try visitor.visit(UInt64.self)
    default: throw OperatorFault.unsupportedType(input: input, self)
    }
  }

  /// Calls `visitor` with an unsigned integer as wide as the elements in memory.
  func dispatchWidth<Visitor: WidthVisitor>(_ visitor: Visitor) throws -> Visitor.Result {
    switch byteCount {
    case 1: return try visitor.visit(UInt8.self)
    case 2: return try visitor.visit(UInt16.self)
    case 4: return try visitor.visit(UInt32.self)
    case 8: return try visitor.visit(UInt64.self)
    default: throw OperatorFault.unsupportedType(input: 0, self)
    }
  }
}

/// The larger of two numbers; NaN where either is.
@inline(__always)
func larger<Number: TensorNumber>(_ a: Number, _ b: Number) -> Number {
  a > b || a != a ? a : b
}

/// The smaller of two numbers; NaN where either is.
@inline(__always)
func smaller<Number: TensorNumber>(_ a: Number, _ b: Number) -> Number {
  a < b || a != a ? a : b
}
