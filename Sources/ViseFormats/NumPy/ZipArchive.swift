import CZlib
import ViseTensor

/// The members of a ZIP archive, read by its central directory: stored and deflated ones.
struct ZipArchive {
  struct Entry {
    let name: String
    let method: UInt16
    let checksum: UInt32
    let compressedByteCount: Int
    let byteCount: Int
    /// Where the member's own header is.
    let offset: Int
    let isEncrypted: Bool
  }

  let entries: [Entry]
  private let file: MappedFile

  init(_ file: MappedFile) throws(ArrayFileError.Reason) {
    self.file = file
    entries = try file.withBytes { (bytes) throws(ArrayFileError.Reason) in
      try Self.directory(bytes)
    }
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ width: Int) -> Int? {
    guard offset >= 0, offset <= bytes.count - width else { return nil }
    let value = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
    return Int(exactly: value)
  }

  private static func directory(
    _ bytes: UnsafeRawBufferPointer
  ) throws(ArrayFileError.Reason) -> [Entry] {
    // The end record is 22 bytes and a comment of at most 65,535.
    let lowest = max(0, bytes.count - 65_557)
    guard bytes.count >= 22,
      let end = stride(from: bytes.count - 22, through: lowest, by: -1)
        .first(where: { number(bytes, $0, 4) == 0x0605_4B50 }),
      let count = number(bytes, end + 10, 2), var place = number(bytes, end + 16, 4)
    else { throw .notAnArchive }
    var entries: [Entry] = []
    for _ in 0..<count {
      guard number(bytes, place, 4) == 0x0201_4B50,
        let flags = number(bytes, place + 8, 2), let method = number(bytes, place + 10, 2),
        let checksum = number(bytes, place + 16, 4),
        let compressed = number(bytes, place + 20, 4), let size = number(bytes, place + 24, 4),
        let nameLength = number(bytes, place + 28, 2),
        let extraLength = number(bytes, place + 30, 2),
        let commentLength = number(bytes, place + 32, 2),
        let offset = number(bytes, place + 42, 4),
        place + 46 + nameLength + extraLength <= bytes.count
      else { throw .notAnArchive }
      let name = bytes[place + 46..<place + 46 + nameLength]
      let extra = place + 46 + nameLength..<place + 46 + nameLength + extraLength
      let wide = Self.wide(bytes, extra, size, compressed, offset)
      entries.append(
        Entry(
          name: String(decoding: name, as: UTF8.self), method: UInt16(method),
          checksum: UInt32(checksum), compressedByteCount: wide.compressed, byteCount: wide.size,
          offset: wide.offset, isEncrypted: flags & 1 != 0))
      place += 46 + nameLength + extraLength + commentLength
    }
    return entries
  }

  /// Sizes from the ZIP64 field, which holds those that are all ones elsewhere.
  private static func wide(
    _ bytes: UnsafeRawBufferPointer, _ extra: Range<Int>, _ size: Int, _ compressed: Int,
    _ offset: Int
  ) -> (size: Int, compressed: Int, offset: Int) {
    var values = [size, compressed, offset]
    var place = extra.lowerBound
    while place + 4 <= extra.upperBound, let id = number(bytes, place, 2),
      let length = number(bytes, place + 2, 2), place + 4 + length <= extra.upperBound
    {
      if id == 1 {
        var next = place + 4
        for index in values.indices where values[index] == 0xFFFF_FFFF {
          guard next + 8 <= place + 4 + length, let value = number(bytes, next, 8) else { break }
          values[index] = value
          next += 8
        }
      }
      place += 4 + length
    }
    return (values[0], values[1], values[2])
  }

  /// A member's bytes: where they lie, or inflated, with their checksum checked.
  func contents(of entry: Entry) throws(ArrayFileError.Reason) -> ByteRegion {
    let start = file.withBytes { bytes -> Int? in
      guard Self.number(bytes, entry.offset, 4) == 0x0403_4B50,
        let nameLength = Self.number(bytes, entry.offset + 26, 2),
        let extraLength = Self.number(bytes, entry.offset + 28, 2)
      else { return nil }
      return entry.offset + 30 + nameLength + extraLength
    }
    guard let start, !entry.isEncrypted, entry.compressedByteCount >= 0,
      entry.compressedByteCount <= file.byteCount,
      start <= file.byteCount - entry.compressedByteCount
    else { throw .unreadableMember }
    let range = start..<start + entry.compressedByteCount
    let region: ByteRegion
    switch entry.method {
    case 0:
      guard entry.byteCount == entry.compressedByteCount else { throw .unreadableMember }
      region = ByteRegion(file: file, range: range)
    case 8: region = ByteRegion(try inflated(range, byteCount: entry.byteCount))
    default: throw .unreadableMember
    }
    let checksum = region.withBytes { bytes in
      crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
    guard bytesMatch(checksum, entry) else { throw .unreadableMember }
    return region
  }

  private func bytesMatch(_ checksum: UInt, _ entry: Entry) -> Bool {
    entry.byteCount == 0 || UInt32(truncatingIfNeeded: checksum) == entry.checksum
  }

  /// Deflate makes at most 1032 bytes of one, so that a lying size is known before memory is asked for.
  private func inflated(
    _ range: Range<Int>, byteCount: Int
  ) throws(ArrayFileError.Reason) -> [UInt8] {
    guard byteCount / 1032 <= range.count, byteCount <= Int(UInt32.max),
      range.count <= Int(UInt32.max)
    else { throw .unreadableMember }
    let result = file.withBytes(in: range) {
      Inflate.bytes($0, byteCount: byteCount, windowBits: Inflate.bare)
    }
    guard let result else { throw .unreadableMember }
    return result
  }
}
