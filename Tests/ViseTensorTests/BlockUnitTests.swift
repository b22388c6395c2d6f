import Testing
import ViseTensor

private let unitTypes = StorageType.allCases.filter { $0.isEncodable && $0.hasUnits }

private func encoded(_ type: StorageType, _ values: [Float]) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: try #require(type.byteCount(elements: values.count)))
  try values.withUnsafeBufferPointer { values in
    try bytes.withUnsafeMutableBytes {
      try type.encode(values, rows: 1, columns: values.count, into: $0)
    }
  }
  return bytes
}

private func decoded(_ type: StorageType, _ bytes: [UInt8], _ count: Int) throws -> [Float] {
  var values = [Float](repeating: .nan, count: count)
  try bytes.withUnsafeBytes { bytes in
    try values.withUnsafeMutableBufferPointer { try type.decode(bytes, into: $0) }
  }
  return values
}

@Test func everyBlockTypeWithAHalfFloatHasUnits() {
  let without = StorageType.allCases.filter { $0.isEncodable && !$0.hasUnits }
  #expect(without == [.f16, .bf16, .mxfp4])
}

@Test(arguments: unitTypes, [2, 4, 1, 1.1] as [Float])
func scaledUnitsScaleEveryValue(type: StorageType, factor: Float) throws {
  var random = RandomSource(seed: 31)
  let values = (0..<1024).map { _ in Float(random.nextUnit() - 0.4) }
  let before = try encoded(type, values)
  var after = before
  after.withUnsafeMutableBytes { type.scaleUnits(of: $0, by: factor) }
  let (old, new) = (try decoded(type, before, 1024), try decoded(type, after, 1024))
  #expect(factor != 1 || before == after)
  // Powers of two are exact; types with a minimum round two units, whose errors meet in a value.
  let largest = old.map(abs).max() ?? 0
  let tolerance = factor == 1.1 ? 3 * largest * 0x1p-11 : 0
  #expect(largest > 0.1)
  let off = zip(old, new).map { abs($1 - factor * $0) }.max() ?? .infinity
  #expect(off <= tolerance)
}

@Test(arguments: unitTypes)
func unitsBeyondTheHalfFloatsAreClamped(type: StorageType) throws {
  var bytes = try encoded(type, [Float](repeating: 1, count: 512))
  bytes.withUnsafeMutableBytes { type.scaleUnits(of: $0, by: 1e9) }
  let values = try decoded(type, bytes, 512)
  #expect(values.allSatisfy { $0.isFinite })
}
