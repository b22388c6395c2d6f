import Testing
import ViseTensor

private func decoded<Element>(_ elements: [Element], as type: StorageType) throws -> [Float] {
  var values = [Float](repeating: .nan, count: elements.count)
  try elements.withUnsafeBytes { source in
    try values.withUnsafeMutableBufferPointer { try type.decode(source, into: $0) }
  }
  return values
}

@Test func everyHalfDecodesToItsValue() throws {
  let halves = (0...UInt16.max).map { Float16(bitPattern: $0) }
  let values = try decoded(halves, as: .f16)
  let wrong = zip(halves, values).filter { half, value in
    half.isNaN ? !value.isNaN : Float(half).bitPattern != value.bitPattern
  }
  #expect(wrong.isEmpty)
}

@Test func brainFloatsAreTheUpperHalvesOfFloats() throws {
  let halves = Array(0...UInt16.max)
  let values = try decoded(halves, as: .bf16)
  #expect(values.map(\.bitPattern) == halves.map { UInt32($0) << 16 })
}

@Test func numbersDecodeToTheNearestFloat() throws {
  #expect(try decoded([1.5, -.infinity] as [Float], as: .f32) == [1.5, -.infinity])
  #expect(try decoded([0.1, 1e300] as [Double], as: .f64) == [0.1, .infinity])
  #expect(try decoded([-128, 127] as [Int8], as: .i8) == [-128, 127])
  #expect(try decoded([-32768, 7] as [Int16], as: .i16) == [-32768, 7])
  #expect(try decoded([16_777_217, -1] as [Int32], as: .i32) == [16_777_216, -1])
  #expect(try decoded([1 << 40, -3] as [Int64], as: .i64) == [0x1p40, -3])
}

@Test func unalignedSourcesDecode() throws {
  let bytes: [UInt8] = [0xFF, 0x00, 0x3C, 0x00, 0xC0]
  var values = [Float](repeating: .nan, count: 2)
  try bytes.withUnsafeBytes { source in
    try values.withUnsafeMutableBufferPointer {
      try StorageType.f16.decode(UnsafeRawBufferPointer(rebasing: source[1...]), into: $0)
    }
  }
  #expect(values == [1, -2])
}

@Test func wrongLengthsAndTypesAreRefused() throws {
  let bytes = [UInt8](repeating: 0, count: 35)
  var values = [Float](repeating: 7, count: 32)
  bytes.withUnsafeBytes { source in
    values.withUnsafeMutableBufferPointer { destination in
      #expect(throws: DecodingError.wrongByteCount(expected: 34, found: 35)) {
        try StorageType.q8_0.decode(source, into: destination)
      }
      #expect(throws: DecodingError.partialBlock(elements: 32, blockLength: 256)) {
        try StorageType.q4_K.decode(source, into: destination)
      }
      #expect(throws: DecodingError.unsupportedType(.q8_1)) {
        try StorageType.q8_1.decode(source, into: destination)
      }
    }
  }
  #expect(values == [Float](repeating: 7, count: 32))
}

@Test func nothingDecodesToNothing() throws {
  #expect(try decoded([] as [UInt8], as: .q6_K).isEmpty)
}
