import ViseTensor

/// Finds where the raw bytes of a graph's tensors lie in an ONNX file, without copying any.
///
/// Walks the wire format by its published rules: a tag of field number and kind, then a varint, 4 or
/// 8 bytes, or a length and as many bytes.
struct RawDataScanner {
  /// By initializer, in the order of the file; `nil` where it has no raw bytes.
  private(set) var ranges: [Range<Int>?] = []
  private(set) var nodeCount = 0
  private let bytes: UnsafeRawBufferPointer

  /// `nil` where the bytes break the rules.
  init?(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    var found: [Range<Int>?] = []
    var nodes = 0
    let isValid = Self.walk(bytes, 0..<bytes.count) { field, graph in
      guard field == 7 else { return true }
      return Self.walk(bytes, graph) { field, part in
        if field == 1 { nodes += 1 }
        guard field == 5 else { return true }
        var raw: Range<Int>?
        defer { found.append(raw) }
        return Self.walk(bytes, part) { field, data in
          if field == 9 { raw = data }
          return true
        }
      }
    }
    guard isValid else { return nil }
    ranges = found
    nodeCount = nodes
  }

  /// Calls `body` with each field that has a length; stops with `false` where the bytes are wrong.
  private static func walk(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ body: (UInt64, Range<Int>) -> Bool
  ) -> Bool {
    var place = range.lowerBound
    while place < range.upperBound {
      guard let tag = varint(bytes, &place, end: range.upperBound) else { return false }
      let remaining = range.upperBound - place
      switch tag & 7 {
      case 0:
        guard varint(bytes, &place, end: range.upperBound) != nil else { return false }
      case 1, 5:
        let length = tag & 7 == 1 ? 8 : 4
        guard length <= remaining else { return false }
        place += length
      case 2:
        guard let length = varint(bytes, &place, end: range.upperBound),
          length <= UInt64(range.upperBound - place)
        else { return false }
        let end = place + Int(length)
        guard body(tag >> 3, place..<end) else { return false }
        place = end
      default: return false
      }
    }
    return true
  }

  private static func varint(
    _ bytes: UnsafeRawBufferPointer, _ place: inout Int, end: Int
  ) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard place < end else { return nil }
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    return nil
  }
}
