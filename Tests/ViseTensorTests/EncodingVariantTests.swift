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
  #expect(vise_ggml_encode(StorageType.iq2_XXS.rawValue, values, &bytes, 256, nil) == -1)
  #expect(vise_ggml_encode(StorageType.q4_K.rawValue, values, &bytes, 32, nil) == -1)
}
