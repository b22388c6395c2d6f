import FoundationEssentials
import SwiftProtobuf
import ViseTensor

/// What the two messages for tensors have in common.
struct TensorFields {
  let name: String
  let dims: [Int64]
  let dataType: Int32
  let isExternal: Bool
  let externalData: [PBStringPair]
  let floats: [Float]
  let doubles: [Double]
  let int32s: [Int32]
  let int64s: [Int64]
  let uint64s: [UInt64]

  init(_ stored: PBStoredTensor) {
    name = stored.name
    dims = stored.dims
    dataType = stored.dataType
    isExternal = stored.dataLocation == 1
    externalData = stored.externalData
    floats = stored.floatData
    doubles = stored.doubleData
    int32s = stored.int32Data
    int64s = stored.int64Data
    uint64s = stored.uint64Data
  }

  init(_ tensor: PBTensor) {
    name = tensor.name
    dims = tensor.dims
    dataType = tensor.dataType
    isExternal = tensor.dataLocation == 1
    externalData = tensor.externalData
    floats = tensor.floatData
    doubles = tensor.doubleData
    int32s = tensor.int32Data
    int64s = tensor.int64Data
    uint64s = tensor.uint64Data
  }
}

extension ONNXConverter {
  /// Raw bytes: in the mapped file, or copied out of a message.
  enum RawBytes {
    case mapped(Range<Int>)
    case copied([UInt8])
  }

  mutating func tensor(
    _ message: PBTensor, at place: ONNXError.Place? = nil
  ) throws(ONNXError) -> ONNXTensor {
    try tensor(
      TensorFields(message), raw: message.rawData.isEmpty ? nil : .copied(Array(message.rawData)),
      at: place)
  }

  /// - Parameter place: where the tensor is, where that says more than its name.
  mutating func tensor(
    _ fields: TensorFields, raw: RawBytes?, at place: ONNXError.Place? = nil
  ) throws(ONNXError) -> ONNXTensor {
    do throws(ONNXFault) {
      guard let type = ElementType(rawValue: fields.dataType) else {
        throw .unknownElementType(fields.dataType)
      }
      let shape = try Self.shape(fields.dims)
      guard type != .string else {
        return ONNXTensor(name: fields.name, type: type, shape: shape, data: ByteRegion([]))
      }
      let needed = try Self.byteCount(shape, type)
      let data = try region(fields, type, raw, needed: needed)
      guard data.count == needed else {
        throw .dataMismatch(expected: needed, found: data.count)
      }
      return ONNXTensor(name: fields.name, type: type, shape: shape, data: data)
    } catch {
      throw self.error(place ?? .tensor(fields.name), error)
    }
  }

  private mutating func region(
    _ fields: TensorFields, _ type: ElementType, _ raw: RawBytes?, needed: Int
  ) throws(ONNXFault) -> ByteRegion {
    if fields.isExternal {
      return try external.region(
        fields.externalData.map { ($0.key, $0.value) }, needed: needed)
    }
    switch raw {
    case .mapped(let range): return ByteRegion(file: file, range: range)
    case .copied(let bytes): return ByteRegion(bytes)
    case nil: return ByteRegion(Self.bytes(fields, type))
    }
  }

  private static func shape(_ dims: [Int64]) throws(ONNXFault) -> [Int] {
    guard dims.count <= 64 else {
      throw .implausible("dimensions", count: dims.count, limit: 64)
    }
    var shape: [Int] = []
    for dimension in dims {
      guard dimension >= 0 else { throw .negativeDimension(dimension) }
      shape.append(Int(dimension))
    }
    return shape
  }

  private static func byteCount(_ shape: [Int], _ type: ElementType) throws(ONNXFault) -> Int {
    guard let count = Tensor.elementCount(of: shape) else { throw .sizeOverflow }
    let (bits, overflow) = count.multipliedReportingOverflow(by: type.bitCount)
    guard !overflow, bits < Int.max - 8 else { throw .sizeOverflow }
    return (bits + 7) / 8
  }

  /// The elements of the field that holds this type, as the bytes a file would have.
  private static func bytes(_ fields: TensorFields, _ type: ElementType) -> [UInt8] {
    switch type {
    case .float32, .complex64: littleEndian(fields.floats.map(\.bitPattern))
    case .float64, .complex128: littleEndian(fields.doubles.map(\.bitPattern))
    case .int64: littleEndian(fields.int64s)
    case .uint64: littleEndian(fields.uint64s)
    case .uint32: littleEndian(fields.uint64s.map { UInt32(truncatingIfNeeded: $0) })
    case .int32: littleEndian(fields.int32s)
    case .int16, .uint16, .float16, .bfloat16:
      littleEndian(fields.int32s.map { UInt16(truncatingIfNeeded: $0) })
    default: fields.int32s.map { UInt8(truncatingIfNeeded: $0) }
    }
  }

  private static func littleEndian<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
    values.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }
}
