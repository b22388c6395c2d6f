import ViseTensor

/// What the header of an `.npy` file says: NumPy's format version 1, 2 or 3.
struct ArrayHeader {
  let type: ElementType
  let shape: [Int]
  let isBigEndian: Bool
  /// Where the data begins.
  let dataOffset: Int

  init(_ bytes: UnsafeRawBufferPointer) throws(ArrayFileError.Reason) {
    guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw .notAnArray
    }
    let isShort = bytes[6] == 1
    guard (1...3).contains(bytes[6]), isShort || bytes.count >= 12 else {
      throw .invalidHeader("version")
    }
    let start = isShort ? 10 : 12
    let length =
      isShort
      ? Int(bytes[8]) | Int(bytes[9]) << 8
      : (0..<4).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    guard length <= bytes.count - start, length <= 1 << 16 else { throw .invalidHeader("length") }
    let text = String(decoding: bytes[start..<start + length], as: UTF8.self)
    dataOffset = start + length
    guard let descriptor = Self.quoted(after: "'descr':", in: text) else {
      throw .invalidHeader("descr")
    }
    guard let type = Self.types[String(descriptor.dropFirst())] else {
      throw .unsupportedType(descriptor)
    }
    self.type = type
    isBigEndian = descriptor.first == ">" && type.byteCount > 1
    guard let order = Self.word(after: "'fortran_order':", in: text), order == "False" else {
      throw .invalidHeader("fortran_order")
    }
    shape = try Self.shape(in: text)
  }

  private static let types: [String: ElementType] = [
    "f4": .float32, "f8": .float64, "f2": .float16, "i1": .int8, "i2": .int16, "i4": .int32,
    "i8": .int64, "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "b1": .bool,
  ]

  private static func rest(after key: String, in text: String) -> Substring? {
    text.firstRange(of: key).map { text[$0.upperBound...].drop { $0 == " " } }
  }

  private static func quoted(after key: String, in text: String) -> String? {
    guard let rest = rest(after: key, in: text), rest.first == "'" else { return nil }
    return String(rest.dropFirst().prefix { $0 != "'" })
  }

  private static func word(after key: String, in text: String) -> String? {
    rest(after: key, in: text).map { String($0.prefix { $0.isLetter }) }
  }

  private static func shape(in text: String) throws(ArrayFileError.Reason) -> [Int] {
    guard let rest = rest(after: "'shape':", in: text), rest.first == "(" else {
      throw .invalidHeader("shape")
    }
    var shape: [Int] = []
    for part in rest.dropFirst().prefix(while: { $0 != ")" }).split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let length = Int(digits), length >= 0 else { throw .invalidHeader("shape") }
      shape.append(length)
    }
    return shape
  }
}
