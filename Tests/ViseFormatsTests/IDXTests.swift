import Foundation
import Testing
import ViseFormats
import ViseTensor

/// 2 × 2 × 3 bytes 0…11 in the IDX format.
private let plain: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + Array(0..<12)

/// The same through `gzip -n`.
private let compressed = Data(
  base64Encoded: "H4sIAAAAAAAC/2Ng4GBmYGBggmJmBkYmZhZWNnYOTi5uAHgeI4QcAAAA")

private func read(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> Tensor {
  let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try Data(bytes).write(to: URL(filePath: path))
  return try IDXFile.read(path: path, byteLimit: limit)
}

@Test func bytesOfIDXFilesHaveTheFilesShape() throws {
  for bytes in [plain, Array(try #require(compressed))] {
    let tensor = try read(bytes)
    #expect(tensor.shape == [2, 2, 3])
    #expect(tensor.values(UInt8.self) == Array(0..<12))
  }
}

@Test func everyShortenedIDXFileIsRefused() throws {
  for bytes in [plain, Array(try #require(compressed))] {
    for count in 0..<bytes.count {
      #expect(throws: ArrayFileError.self) { try read(Array(bytes.prefix(count))) }
    }
  }
}

@Test func changedIDXFilesAreReadOrRefusedWithoutATrap() throws {
  var source = RandomSource(seed: 7)
  for _ in 0..<400 {
    var bytes = Bool.random(using: &source) ? plain : Array(try #require(compressed))
    for _ in 0..<Int.random(in: 1...3, using: &source) {
      bytes[Int.random(in: bytes.indices, using: &source)] = UInt8.random(
        in: 0...255, using: &source)
    }
    do { _ = try read(bytes) } catch is ArrayFileError {}
  }
}

@Test func hugeIDXFilesAreRefusedByTheirWord() {
  var lying = plain
  lying.replaceSubrange(4..<16, with: [UInt8](repeating: 0xFF, count: 12))
  #expect(throws: ArrayFileError.self) { try read(lying) }
  #expect(throws: ArrayFileError.self) { try read(plain, limit: 11) }
}
