/// Elements of one type in a box of any number of dimensions, row-major and contiguous.
///
/// Copies share their storage. Elements of fewer than 8 bits have a byte each in memory. Whoever
/// makes a tensor fills it before sharing it; after that it is only read.
public struct Tensor: Sendable {
  public let type: ElementType
  /// Outermost dimension first; a scalar's is empty.
  public let shape: [Int]
  public let storage: TensorStorage
  public let count: Int

  /// Makes a tensor whose elements are undefined; the shape must be one that `elementCount` counts.
  public init(_ type: ElementType, _ shape: [Int], pool: StoragePool? = nil) {
    let count = Tensor.elementCount(of: shape) ?? -1
    precondition(count >= 0, "a shape has non-negative dimensions")
    self.init(
      type, shape, storage: TensorStorage(byteCount: count * type.byteCount, pool: pool))
  }

  /// Uses the first bytes of `storage`.
  public init(_ type: ElementType, _ shape: [Int], storage: TensorStorage) {
    let count = Tensor.elementCount(of: shape) ?? -1
    precondition(count >= 0 && count <= storage.byteCount / type.byteCount)
    self.type = type
    self.shape = shape
    self.storage = storage
    self.count = count
  }

  /// A tensor of `values`, of which there are as many as the shape says.
  public init<Scalar: TensorScalar>(_ shape: [Int], _ values: [Scalar]) {
    self.init(Scalar.elementType, shape)
    precondition(values.count == count)
    pointer(Scalar.self).update(from: values, count: values.count)
  }

  public init(_ shape: [Int], _ values: [Bool]) {
    self.init(.bool, shape)
    precondition(values.count == count)
    for (index, value) in values.enumerated() { pointer(UInt8.self)[index] = value ? 1 : 0 }
  }

  @inlinable public var rank: Int { shape.count }
  public var byteCount: Int { count * type.byteCount }

  /// The elements' address, valid while the tensor lives; `Scalar` must be as wide as the type.
  @inlinable @inline(__always)
  public func pointer<Scalar: BitwiseCopyable>(
    _: Scalar.Type
  ) -> UnsafeMutablePointer<Scalar> {
    precondition(MemoryLayout<Scalar>.stride == type.byteCount)
    return storage.pointer.assumingMemoryBound(to: Scalar.self)
  }

  /// The elements, which must be of the type `Scalar` stands for.
  public func values<Scalar: TensorScalar>(_: Scalar.Type) -> [Scalar] {
    precondition(Scalar.elementType == type)
    return withExtendedLifetime(storage) {
      Array(UnsafeBufferPointer(start: pointer(Scalar.self), count: count))
    }
  }

  /// The same elements in another shape of as many.
  public func reshaped(_ shape: [Int]) -> Tensor { Tensor(type, shape, storage: storage) }

  /// The same bytes as elements of another type of the same width.
  public func reinterpreted(as type: ElementType) -> Tensor {
    precondition(type.byteCount == self.type.byteCount)
    return Tensor(type, shape, storage: storage)
  }

  /// The product of the dimensions; `nil` where one is negative, or too much for sums of a few.
  ///
  /// Dimensions of zero do not hide others that would overflow.
  public static func elementCount(of shape: [Int]) -> Int? {
    boxCount(of: shape).map { shape.contains(0) ? 0 : $0 }
  }

  /// As `elementCount`, with dimensions of zero taken as one: what loops over some axes may cost.
  public static func boxCount(of shape: [Int]) -> Int? {
    var total = 1
    for dimension in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: max(dimension, 1))
      guard dimension >= 0, !overflow, product <= Int.max / 16 else { return nil }
      total = product
    }
    return total
  }
}
