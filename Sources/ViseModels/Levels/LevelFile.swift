import Glibc
import ViseCompression
import ViseTensor

/// One cached file: what it is of, and its parts' bytes with a hash.
///
/// `VISELVL1`; the key's length as a 64-bit number and the key; the number of parts and the bytes of
/// each; 32 digits of the hash of all parts; the parts. Whatever is cut off or changed does not pass.
enum LevelFile {
  private static let magic = Array("VISELVL1".utf8)
  private static let hashByteCount = 32

  /// The file's bytes before the parts.
  static func header(key: String, parts: [ByteBuffer]) -> [UInt8] {
    var hash = WordHash()
    for part in parts { withExtendedLifetime(part) { hash.combine($0.bytes) } }
    let numbers = [parts.count] + parts.map(\.count)
    return magic + bytes(key.utf8.count) + Array(key.utf8) + numbers.flatMap(bytes)
      + Array(hash.hexadecimal.utf8)
  }

  /// The parts of the level called `key`, or `nil` where the file is no such level, whole.
  static func parts(_ file: UnsafeRawBufferPointer, key: String, byteCounts: [Int]) -> [ByteBuffer]?
  {
    let expected =
      magic + bytes(key.utf8.count) + Array(key.utf8)
      + ([byteCounts.count] + byteCounts).flatMap(bytes)
    var offset = expected.count + hashByteCount
    guard file.count == byteCounts.reduce(offset, +),
      file.prefix(expected.count).elementsEqual(expected)
    else { return nil }
    var hash = WordHash()
    let parts = byteCounts.map { count in
      let part = ByteBuffer(count: count)
      let source = UnsafeRawBufferPointer(rebasing: file[offset..<offset + count])
      hash.combine(source)
      part.slice(0, count: count).copyMemory(from: source)
      offset += count
      return part
    }
    let stated = file[expected.count..<expected.count + hashByteCount]
    return stated.elementsEqual(hash.hexadecimal.utf8) ? parts : nil
  }

  private static func bytes(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(number).littleEndian) { Array($0) }
  }
}
