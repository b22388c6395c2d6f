/// GPT-2's alphabet: every byte as a printable character, and back.
enum ByteAlphabet {
  /// The code point that stands for each byte.
  static let codePoints: [UInt32] = {
    var next: UInt32 = 256
    return (0..<256).map { (byte: UInt32) in
      if isPrintable(byte) { return byte }
      defer { next += 1 }
      return next
    }
  }()

  private static let bytes: [UInt32: UInt8] = Dictionary(
    uniqueKeysWithValues: codePoints.enumerated().map { ($1, UInt8($0)) })

  private static func isPrintable(_ byte: UInt32) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
  }

  /// The characters that stand for `text`, in UTF-8.
  static func encode(_ text: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in text { appendUTF8(codePoints[Int(byte)], to: &result) }
    return result
  }

  /// The bytes that the characters of `text` stand for; others are kept as they are.
  static func decode(_ text: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for scalar in String(decoding: Array(text), as: UTF8.self).unicodeScalars {
      if let byte = bytes[scalar.value] {
        result.append(byte)
      } else {
        appendUTF8(scalar.value, to: &result)
      }
    }
    return result
  }
}
