extension [UInt8] {
  mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  mutating func append(lengthPrefixed text: String) {
    append(littleEndian: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}

extension MetadataValue {
  /// Appends the value as GGUF writes it, without its type.
  func append(to bytes: inout [UInt8]) {
    switch self {
    case .uint8(let value): bytes.append(value)
    case .int8(let value): bytes.append(UInt8(bitPattern: value))
    case .uint16(let value): bytes.append(littleEndian: value)
    case .int16(let value): bytes.append(littleEndian: value)
    case .uint32(let value): bytes.append(littleEndian: value)
    case .int32(let value): bytes.append(littleEndian: value)
    case .float32(let value): bytes.append(littleEndian: value.bitPattern)
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .string(let value): bytes.append(lengthPrefixed: value)
    case .uint64(let value): bytes.append(littleEndian: value)
    case .int64(let value): bytes.append(littleEndian: value)
    case .float64(let value): bytes.append(littleEndian: value.bitPattern)
    case .array(let array):
      bytes.append(littleEndian: array.elementType.rawValue)
      bytes.append(littleEndian: UInt64(array.count))
      array.region.withBytes { bytes.append(contentsOf: $0) }
    }
  }
}

extension Metadata.Entry {
  /// Appends key, type and value; an entry read from a file comes out byte for byte as it was.
  func append(to bytes: inout [UInt8]) {
    if let source {
      source.withBytes { bytes.append(contentsOf: $0) }
      return
    }
    bytes.append(lengthPrefixed: key)
    bytes.append(littleEndian: value.type.rawValue)
    value.append(to: &bytes)
  }
}

extension MetadataValue {
  /// Bytes of the value as GGUF writes it, without its type.
  var encodedByteCount: Int {
    switch self {
    case .string(let value): 8 + value.utf8.count
    case .array(let array): 12 + array.region.count
    default: type.byteCount ?? 0
    }
  }
}

extension Metadata.Entry {
  /// Bytes of key, type and value.
  var encodedByteCount: Int {
    source?.count ?? 8 + key.utf8.count + 4 + value.encodedByteCount
  }
}
