import CViseKernels
import Foundation
import Testing
import ViseTensor

/// Blocks, and what the `gguf` Python package decodes them to; see Tests/Peers.
private struct Golden {
  let type: StorageType
  let blocks: [UInt8]
  let elements: Int
  let hash: UInt64
  let firstBits: [UInt32]

  init(name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "golden", subdirectory: "Goldens"))
    let bytes = [UInt8](try Data(contentsOf: url))
    func number(at offset: Int, bytes count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    type = try #require(StorageType(rawValue: UInt32(number(at: 0, bytes: 4))))
    elements = Int(number(at: 4, bytes: 4)) * type.blockLength
    hash = number(at: 8, bytes: 8)
    let size = try #require(type.byteCount(elements: elements))
    blocks = Array(bytes[16..<16 + size])
    firstBits = stride(from: 16 + size, to: bytes.count, by: 4)
      .map { UInt32(number(at: $0, bytes: 4)) }
  }
}

private func fnv1a(_ values: [Float]) -> UInt64 {
  values.withUnsafeBytes { bytes in
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

private let goldenNames = [
  "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl",
  "iq4_xs", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq1_s", "iq1_m", "tq1_0", "tq2_0",
  "mxfp4",
]

@Test(arguments: goldenNames)
func blocksDecodeToTheValuesOfTheGGUFPackageBitForBit(name: String) throws {
  let golden = try Golden(name: name)
  #expect(golden.type.name.lowercased() == name)
  var values = [Float](repeating: .nan, count: golden.elements)
  try golden.blocks.withUnsafeBytes { source in
    try values.withUnsafeMutableBufferPointer { try golden.type.decode(source, into: $0) }
  }
  #expect(golden.firstBits.count == 1024)
  let first = zip(values, golden.firstBits).enumerated().first { $1.0.bitPattern != $1.1 }
  #expect(first == nil, "first difference")
  #expect(fnv1a(values) == golden.hash)
}

@Test(arguments: goldenNames)
func everyVariantDecodesTheSameBits(name: String) throws {
  let golden = try Golden(name: name)
  for variant in 0...vise_best_variant() {
    var values = [Float](repeating: .nan, count: golden.elements)
    let status = vise_ggml_decode_variant(
      variant, golden.type.rawValue, golden.blocks, &values, Int64(golden.elements))
    #expect(status == 0)
    #expect(fnv1a(values) == golden.hash, "variant \(variant)")
  }
}

@Test func goldensCoverEveryDecodableBlockType() {
  let blockTypes = StorageType.allCases.filter { $0.isDecodable && $0.blockLength > 1 }
  #expect(Set(blockTypes.map { $0.name.lowercased() }) == Set(goldenNames))
}
