import ViseFormats
import ViseTensor

/// An operation ready to be carried out, any number of times and on any thread.
typealias Kernel = @Sendable (KernelInputs, KernelContext) throws -> [Tensor]

/// How an operator takes half floats.
enum HalfFloats: Sendable {
  /// It computes on float32; inputs are widened before it and float results rounded after it.
  case widened
  /// It moves or converts elements and takes them as they are.
  case asTheyAre
}

/// One operator in a range of versions of its operator set.
struct OperatorDefinition: Sendable {
  let domain: String
  let name: String
  let opsets: ClosedRange<Int>
  let halves: HalfFloats
  /// Reads the attributes once; throws `OperatorFault` where they make no sense.
  let prepare: @Sendable (NodeDescription) throws -> Kernel

  init(
    _ name: String, domain: String = "", opsets: ClosedRange<Int> = 1...1000,
    halves: HalfFloats = .widened,
    _ prepare: @escaping @Sendable (NodeDescription) throws -> Kernel
  ) {
    self.domain = domain
    self.name = name
    self.opsets = opsets
    self.halves = halves
    self.prepare = prepare
  }
}

/// The tensors an operation is given; `nil` where an optional one is left out.
struct KernelInputs {
  let tensors: [Tensor?]

  subscript(index: Int) -> Tensor? { index < tensors.count ? tensors[index] : nil }

  var count: Int { tensors.count }

  func required(_ index: Int) throws(OperatorFault) -> Tensor {
    guard let tensor = self[index] else { throw .missingInput(index) }
    return tensor
  }

  /// Input `index`, which must be of `type`.
  func required(_ index: Int, _ type: ElementType) throws(OperatorFault) -> Tensor {
    let tensor = try required(index)
    guard tensor.type == type else { throw .unsupportedType(input: index, tensor.type) }
    return tensor
  }

  /// Integers of any width; `nil` where the input is left out.
  func integers(_ index: Int) throws(OperatorFault) -> [Int]? {
    guard let tensor = self[index] else { return nil }
    switch tensor.type {
    case .int64: return tensor.values(Int64.self).map { Int($0) }
    case .int32: return tensor.values(Int32.self).map { Int($0) }
    case .int8: return tensor.values(Int8.self).map { Int($0) }
    case .uint8: return tensor.values(UInt8.self).map { Int($0) }
    default: throw .unsupportedType(input: index, tensor.type)
    }
  }

  /// A single number; `nil` where the input is left out.
  func scalar(_ index: Int) throws(OperatorFault) -> Double? {
    guard let tensor = self[index] else { return nil }
    guard tensor.count == 1 else { throw .shapes("input \(index) is no single number") }
    switch tensor.type {
    case .float32: return Double(tensor.values(Float.self)[0])
    case .float64: return tensor.values(Double.self)[0]
    case .bool: return tensor.pointer(UInt8.self)[0] == 0 ? 0 : 1
    default: return Double(try integers(index)?[0] ?? 0)
    }
  }
}

/// What operations work with: memory, threads, limits.
struct KernelContext: Sendable {
  let pool: StoragePool?
  let work: RowWork
  /// Bytes one value may have.
  let byteLimit: Int

  /// A tensor whose elements are undefined.
  func make(_ type: ElementType, _ shape: [Int]) throws(OperatorFault) -> Tensor {
    guard let count = Tensor.boxCount(of: shape) else {
      throw .shapes("a result of shape \(shape.prefix(16))")
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow, bytes <= byteLimit else {
      throw .tooLarge(bytes: overflow ? .max : bytes, limit: byteLimit)
    }
    return Tensor(type, shape, pool: pool)
  }

  func zeros(_ type: ElementType, _ shape: [Int]) throws(OperatorFault) -> Tensor {
    let result = try make(type, shape)
    result.storage.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: result.byteCount)
    return result
  }
}
