@testable import ViseFormats

/// A GGUF header under construction, so that each test can lie in one place.
struct GGUFBytes {
  var bytes: [UInt8] = []

  init(
    magic: String = "GGUF", version: UInt32 = 3, tensors: UInt64 = 0, keys: UInt64 = 0
  ) {
    bytes += Array(magic.utf8)
    bytes.append(littleEndian: version)
    bytes.append(littleEndian: tensors)
    bytes.append(littleEndian: keys)
  }

  func raw(_ more: [UInt8]) -> GGUFBytes {
    var copy = self
    copy.bytes += more
    return copy
  }

  func string(_ text: String, length: UInt64? = nil) -> GGUFBytes {
    u64(length ?? UInt64(text.utf8.count)).raw(Array(text.utf8))
  }

  func u32(_ value: UInt32) -> GGUFBytes {
    var copy = self
    copy.bytes.append(littleEndian: value)
    return copy
  }

  func u64(_ value: UInt64) -> GGUFBytes {
    var copy = self
    copy.bytes.append(littleEndian: value)
    return copy
  }

  func key(_ name: String, type: MetadataType) -> GGUFBytes {
    string(name).u32(type.rawValue)
  }

  func tensor(
    _ name: String, dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0
  ) -> GGUFBytes {
    var copy = string(name).u32(UInt32(dimensions.count))
    for dimension in dimensions { copy = copy.u64(dimension) }
    return copy.u32(type).u64(offset)
  }

  /// Pads to the alignment and adds tensor data.
  func data(_ count: Int, alignment: Int = 32) -> GGUFBytes {
    let padding = (alignment - bytes.count % alignment) % alignment
    return raw([UInt8](repeating: 0, count: padding + count))
  }
}

/// A safetensors file with this header.
func safetensorsBytes(_ header: String, data: Int = 64, length: UInt64? = nil) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.append(littleEndian: length ?? UInt64(header.utf8.count))
  return bytes + Array(header.utf8) + [UInt8](repeating: 0, count: data)
}
