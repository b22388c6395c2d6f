import CViseKernels
import Testing
import ViseTensor

private let encodableTypes = StorageType.allCases.filter(\.isEncodable)

/// Rows with ordinary values, outliers, zeros, a constant block and numbers that are none.
private func difficultRows(rows: Int, columns: Int, seed: UInt64) -> [Float] {
  var numbers = TestNumbers(seed: seed)
  var values = numbers.floats(rows * columns, limit: 0.1)
  for index in stride(from: 7, to: values.count, by: 61) { values[index] *= 40 }
  for index in 0..<32 { values[index] = 0 }
  for index in 32..<64 { values[index] = 0.25 }
  for index in stride(from: 300, to: values.count, by: 97) { values[index] = 0 }
  values[64] = .nan
  values[97] = .infinity
  values[130] = -.infinity
  values[161] = 0x1p-140
  return values
}

@Test(arguments: encodableTypes, [nil, 31] as [UInt64?])
func everyVariantEncodesTheSameBytes(type: StorageType, importanceSeed: UInt64?) throws {
  let rows = 3, columns = 768
  let values = difficultRows(rows: rows, columns: columns, seed: 8)
  let importance = importanceSeed.map { seed in
    var numbers = TestNumbers(seed: seed)
    return numbers.floats(columns, limit: 1).map { $0 * $0 }
  }
  let size = try #require(type.byteCount(elements: values.count))
  var encoded: [[UInt8]] = []
  for variant in 0...vise_best_variant() {
    var bytes = [UInt8](repeating: 0xA5, count: size)
    let status = vise_ggml_encode_variant(
      variant, type.rawValue, values, &bytes, Int64(rows), Int64(columns), importance)
    #expect(status == 0)
    encoded.append(bytes)
  }
  #expect(encoded.allSatisfy { $0 == encoded[0] }, "importance seed \(importanceSeed ?? 0)")
}

@Test func aTypeWithoutEncoderIsRefusedByTheKernel() {
  var bytes = [UInt8](repeating: 0, count: 256)
  let values = [Float](repeating: 0, count: 256)
  #expect(vise_ggml_encode(StorageType.q8_K.rawValue, values, &bytes, 256, nil) == -1)
  #expect(vise_ggml_encode(StorageType.q4_K.rawValue, values, &bytes, 32, nil) == -1)
}

@Test(arguments: encodableTypes)
func dotOfAPackedRowIsTheDotOfItsValues(type: StorageType) throws {
  for columns in [256, 1792, 2304] {
    let values = difficultRows(rows: 1, columns: columns, seed: 21).map {
      $0.isFinite ? $0 : 0
    }
    var numbers = TestNumbers(seed: 22)
    let x = numbers.floats(columns, limit: 1), count = Int64(columns)
    var row = [UInt8](repeating: 0, count: try #require(type.byteCount(elements: columns)))
    #expect(vise_ggml_encode(type.rawValue, values, &row, count, nil) == 0)
    var decoded = [Float](repeating: .nan, count: columns)
    #expect(vise_ggml_decode(type.rawValue, row, &decoded, count) == 0)
    let expected = vise_dot_reference(decoded, x, count)
    let magnitude = vise_dot_reference(decoded.map(abs), x.map(abs), count)
    #expect(abs(vise_ggml_dot_row(type.rawValue, row, x, count) - expected) <= 1e-6 * magnitude)
  }
}

@Test func dotOfWhatCannotBeDecodedIsNotANumber() {
  let row = [UInt8](repeating: 0, count: 256), x = [Float](repeating: 0, count: 256)
  #expect(vise_ggml_dot_row(StorageType.q8_1.rawValue, row, x, 32).isNaN)
  #expect(vise_ggml_dot_row(StorageType.q4_K.rawValue, row, x, 32).isNaN)
}
