/// An array in a checkpoint's metadata, kept as the file's bytes and decoded when asked.
///
/// A vocabulary of a quarter of a million strings costs nothing until someone reads it.
public struct MetadataArray: Hashable, Sendable {
  public let elementType: MetadataType
  public let count: Int
  /// The elements as GGUF writes them, one after the other; checked when the file was opened.
  let region: ByteRegion

  init(elementType: MetadataType, count: Int, region: ByteRegion) {
    self.elementType = elementType
    self.count = count
    self.region = region
  }

  /// Makes an array of `values`, which must all be of `elementType`.
  public init(elementType: MetadataType, values: [MetadataValue]) {
    precondition(values.allSatisfy { $0.type == elementType }, "mixed element types")
    var bytes: [UInt8] = []
    for value in values { value.append(to: &bytes) }
    self.init(elementType: elementType, count: values.count, region: ByteRegion(bytes))
  }

  /// Decodes every element.
  public func values() -> [MetadataValue] {
    region.withBytes { bytes in
      var cursor = ByteCursor(bytes: bytes, file: "")
      var values: [MetadataValue] = []
      values.reserveCapacity(count)
      for _ in 0..<count {
        // The bytes were checked before this value was made, so reading them cannot fail.
        guard let value = try? cursor.readValue(of: elementType, in: region) else { break }
        values.append(value)
      }
      return values
    }
  }

  /// Calls `body` with the bytes of each string in turn; with nothing where these are no strings.
  public func forEachString(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard elementType == .string else { return }
    region.withBytes { bytes in
      var offset = 0
      for _ in 0..<count {
        let length = Int(
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        let start = offset + 8
        body(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)]))
        offset = start + length
      }
    }
  }

  /// The elements' bits as integers of the same width.
  func integers<Value: FixedWidthInteger>(_: Value.Type) -> [Value] {
    let size = MemoryLayout<Value>.size
    precondition(elementType.byteCount == size, "elements of another width")
    return region.withBytes { bytes in
      (0..<count).map {
        Value(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: Value.self))
      }
    }
  }

  /// Every element through `convert`, or `nil` where one has no such value.
  func numbers<Number>(_ convert: (MetadataValue) -> Number?) -> [Number]? {
    guard elementType != .string, elementType != .array else { return nil }
    let decoded = values().compactMap(convert)
    return decoded.count == count ? decoded : nil
  }
}

extension ByteCursor {
  /// How deep arrays of arrays may go.
  static let deepestArray = 4

  /// Reads one value; an array keeps its bytes by naming them within `region`.
  mutating func readValue(
    of type: MetadataType, in region: ByteRegion, key: String = "", depth: Int = 0
  ) throws(CheckpointError) -> MetadataValue {
    switch type {
    case .uint8: return .uint8(try read(UInt8.self))
    case .int8: return .int8(try read(Int8.self))
    case .uint16: return .uint16(try read(UInt16.self))
    case .int16: return .int16(try read(Int16.self))
    case .uint32: return .uint32(try read(UInt32.self))
    case .int32: return .int32(try read(Int32.self))
    case .float32: return .float32(Float(bitPattern: try read(UInt32.self)))
    case .bool: return .bool(try read(UInt8.self) != 0)
    case .string: return .string(String(decoding: bytes[try readLengthPrefixed()], as: UTF8.self))
    case .uint64: return .uint64(try read(UInt64.self))
    case .int64: return .int64(try read(Int64.self))
    case .float64: return .float64(Double(bitPattern: try read(UInt64.self)))
    case .array:
      let (elementType, count, range) = try readArrayExtent(key: key, depth: depth)
      return .array(
        MetadataArray(elementType: elementType, count: count, region: region.slice(range)))
    }
  }

  mutating func readType(key: String) throws(CheckpointError) -> MetadataType {
    let start = offset
    let id = try read(UInt32.self)
    guard let type = MetadataType(rawValue: id) else {
      throw error(.unknownValueType(key: key, type: id), at: start)
    }
    return type
  }

  /// Reads an array's element type and count and steps over its elements, checking each.
  private mutating func readArrayExtent(
    key: String, depth: Int
  ) throws(CheckpointError) -> (MetadataType, Int, Range<Int>) {
    guard depth < Self.deepestArray else { throw error(.nestedTooDeep(key: key)) }
    let elementType = try readType(key: key)
    let place = offset
    let count = try read(UInt64.self)
    // A string is at least its length, an array at least its type and count.
    let smallest = elementType.byteCount ?? (elementType == .string ? 8 : 12)
    guard count <= UInt64(remaining / smallest) else {
      throw error(
        .implausible(.arrayElements, count: count, limit: remaining / smallest), at: place)
    }
    let start = offset
    if let size = elementType.byteCount {
      try skip(count * UInt64(size))
    } else if elementType == .string {
      for _ in 0..<count { _ = try readLengthPrefixed() }
    } else {
      for _ in 0..<count { _ = try readArrayExtent(key: key, depth: depth + 1) }
    }
    return (elementType, Int(count), start..<offset)
  }
}
