import ViseTensor

/// Reads little-endian values from the front of a file's bytes, never past their end.
struct ByteCursor {
  let bytes: UnsafeRawBufferPointer
  let file: String
  private(set) var offset: Int

  init(bytes: UnsafeRawBufferPointer, file: String, offset: Int = 0) {
    self.bytes = bytes
    self.file = file
    self.offset = offset
  }

  var remaining: Int { bytes.count - offset }

  func error(_ reason: CheckpointError.Reason, at place: Int? = nil) -> CheckpointError {
    CheckpointError(file: file, offset: place ?? offset, reason: reason)
  }

  mutating func read<Value: FixedWidthInteger>(
    _: Value.Type
  ) throws(CheckpointError) -> Value {
    let size = MemoryLayout<Value>.size
    guard size <= remaining else {
      throw error(.truncated(needed: UInt64(size), available: remaining))
    }
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
    offset += size
    return Value(littleEndian: value)
  }

  mutating func skip(_ count: UInt64) throws(CheckpointError) {
    guard count <= UInt64(remaining) else {
      throw error(.truncated(needed: count, available: remaining))
    }
    offset += Int(count)
  }

  /// Reads a 64-bit length and steps over that many bytes; returns where they are.
  mutating func readLengthPrefixed() throws(CheckpointError) -> Range<Int> {
    let start = offset
    let length = try read(UInt64.self)
    guard length <= UInt64(remaining) else {
      throw error(.implausible(.stringBytes, count: length, limit: remaining), at: start)
    }
    let range = offset..<(offset + Int(length))
    offset = range.upperBound
    return range
  }

  /// Reads a key or a tensor name: not empty, UTF-8 and at most `limit` bytes.
  mutating func readName(limit: Int) throws(CheckpointError) -> String {
    let start = offset
    let range = try readLengthPrefixed()
    guard range.count <= limit else {
      throw error(
        .implausible(.nameBytes, count: UInt64(range.count), limit: limit), at: start)
    }
    guard !range.isEmpty, let name = String(validating: bytes[range], as: UTF8.self) else {
      throw error(.invalidName, at: start)
    }
    return name
  }
}

/// Bytes of a mapped file or of memory, kept alive by this value.
struct ByteRegion: Sendable {
  private enum Backing: Sendable {
    case mapped(MappedFile, Range<Int>)
    case owned([UInt8])
  }

  private let backing: Backing

  init(file: MappedFile, range: Range<Int>) {
    backing = .mapped(file, range)
  }

  init(_ bytes: [UInt8]) {
    backing = .owned(bytes)
  }

  /// The bytes in `range`, counted from the start of this region.
  func slice(_ range: Range<Int>) -> ByteRegion {
    switch backing {
    case .mapped(let file, let whole):
      let start = whole.lowerBound + range.lowerBound
      return ByteRegion(file: file, range: start..<(start + range.count))
    case .owned(let bytes):
      return ByteRegion(Array(bytes[range]))
    }
  }

  /// The file and the range in it, where the bytes are mapped.
  var mapped: (file: MappedFile, range: Range<Int>)? {
    if case .mapped(let file, let range) = backing { (file, range) } else { nil }
  }

  var count: Int {
    switch backing {
    case .mapped(_, let range): range.count
    case .owned(let bytes): bytes.count
    }
  }

  func withBytes<Result, Failure>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch backing {
    case .mapped(let file, let range):
      return try file.withBytes(in: range, body)
    case .owned(let bytes):
      return try bytes.span.withUnsafeBytes { (raw) throws(Failure) in try body(raw) }
    }
  }
}

extension ByteRegion: Hashable {
  static func == (left: ByteRegion, right: ByteRegion) -> Bool {
    left.count == right.count
      && left.withBytes { a in right.withBytes { b in a.elementsEqual(b) } }
  }

  func hash(into hasher: inout Hasher) {
    withBytes { hasher.combine(bytes: $0) }
  }
}
