/// A 128-bit hash of bytes for recognising equal contents; no defence against forgery.
///
/// Two lanes of 64-bit words, each multiplied and folded (the mixing step of wyhash), so that
/// hashing runs at memory speed.
package struct WordHash {
  private var first: UInt64 = 0x9e37_79b9_7f4a_7c15
  private var second: UInt64 = 0xd1b5_4a32_d192_ed03
  private var byteCount: UInt64 = 0

  package init() {}

  package mutating func combine(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    let words = bytes.count / 8
    for index in 0..<words {
      mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
    }
    var rest: UInt64 = 0
    for (place, byte) in bytes[(8 * words)...].enumerated() {
      rest |= UInt64(byte) << UInt64(8 * place)
    }
    mix(rest)
  }

  package mutating func combine(_ text: String) {
    Array(text.utf8).withUnsafeBytes { combine($0) }
  }

  private mutating func mix(_ word: UInt64) {
    first = Self.fold(first ^ word, 0xe703_7ed1_a0b4_28db)
    second = Self.fold(second &+ word, 0x8ebc_6af0_9c88_c6e3)
  }

  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low ^ (a &<< 29 | a &>> 35)
  }

  /// 32 digits.
  package var hexadecimal: String {
    [first, second].map { word in
      let mixed = Self.fold(word ^ byteCount, 0x5899_65cc_7537_4cc3)
      let digits = String(mixed, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
