/// A Swift type whose values are the elements of tensors.
public protocol TensorScalar: BitwiseCopyable, Sendable, Comparable {
  static var elementType: ElementType { get }
  /// The nearest value; integers saturate, and NaN becomes 0.
  init(nearest value: Double)
  /// The value as a double; exact for all but large 64-bit integers.
  var asDouble: Double { get }
}

/// A scalar with arithmetic; integers wrap around.
public protocol TensorNumber: TensorScalar {
  static var zero: Self { get }
  static func wrappingAdd(_ a: Self, _ b: Self) -> Self
  static func wrappingSubtract(_ a: Self, _ b: Self) -> Self
  static func wrappingMultiply(_ a: Self, _ b: Self) -> Self
  /// The quotient; integers truncate, and dividing one by zero gives zero.
  static func quotient(_ a: Self, _ b: Self) -> Self
}

extension TensorNumber where Self: BinaryFloatingPoint {
  @inlinable @inline(__always)
  public init(nearest value: Double) { self = Self(value) }
  @inlinable @inline(__always)
  public var asDouble: Double { Double(self) }
  @inlinable @inline(__always)
  public static func wrappingAdd(_ a: Self, _ b: Self) -> Self { a + b }
  @inlinable @inline(__always)
  public static func wrappingSubtract(_ a: Self, _ b: Self) -> Self { a - b }
  @inlinable @inline(__always)
  public static func wrappingMultiply(_ a: Self, _ b: Self) -> Self { a * b }
  @inlinable @inline(__always)
  public static func quotient(_ a: Self, _ b: Self) -> Self { a / b }
}

extension TensorNumber where Self: FixedWidthInteger {
  @inlinable @inline(__always)
  public init(nearest value: Double) {
    let rounded = value.rounded(.toNearestOrEven)
    if let exact = Self(exactly: rounded) {
      self = exact
    } else {
      self = rounded.isNaN ? 0 : rounded < 0 ? .min : .max
    }
  }
  @inlinable @inline(__always)
  public var asDouble: Double { Double(self) }
  @inlinable @inline(__always)
  public static func wrappingAdd(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inlinable @inline(__always)
  public static func wrappingSubtract(_ a: Self, _ b: Self) -> Self { a &- b }
  @inlinable @inline(__always)
  public static func wrappingMultiply(_ a: Self, _ b: Self) -> Self { a &* b }
  @inlinable @inline(__always)
  public static func quotient(_ a: Self, _ b: Self) -> Self {
    b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
  }
}

extension Float: TensorNumber {
  @inlinable public static var elementType: ElementType { .float32 }
}
extension Double: TensorNumber {
  @inlinable public static var elementType: ElementType { .float64 }
}
extension Int8: TensorNumber {
  @inlinable public static var elementType: ElementType { .int8 }
}
extension Int16: TensorNumber {
  @inlinable public static var elementType: ElementType { .int16 }
}
extension Int32: TensorNumber {
  @inlinable public static var elementType: ElementType { .int32 }
}
extension Int64: TensorNumber {
  @inlinable public static var elementType: ElementType { .int64 }
}
extension UInt8: TensorNumber {
  @inlinable public static var elementType: ElementType { .uint8 }
}
extension UInt16: TensorNumber {
  @inlinable public static var elementType: ElementType { .uint16 }
}
extension UInt32: TensorNumber {
  @inlinable public static var elementType: ElementType { .uint32 }
}
extension UInt64: TensorNumber {
  @inlinable public static var elementType: ElementType { .uint64 }
}
