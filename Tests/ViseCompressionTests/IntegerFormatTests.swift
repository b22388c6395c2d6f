import Testing
import ViseCompression
import ViseTensor

private let formats = [
  "int2:g32", "int3:g32:asym", "int4:g128", "int5:channel", "int6:channel:asym", "int8:tensor",
  "int7:tensor:asym",
]

@Test(arguments: formats)
func integersDecodeToNearestLevelsAndHaveTheAnnouncedBytes(name: String) throws {
  let format = try #require(NumberFormat(name: name))
  var weights = TestWeights(seed: 11)
  let matrix = Matrix(rows: 5, columns: 160, values: weights.normal(800, deviation: 0.3))
  let work = RowWork(pool: nil)
  let encoded = try format.codec.encode(matrix, importance: nil, work: work)
  #expect(encoded.byteCount == format.byteCount(rows: 5, columns: 160))
  let decoded = try format.codec.decode(encoded, work: work)
  guard case .integer(let integer) = format else { return }
  // Within a row's group there are no more values than codes, and clipping is the only larger
  // error than half a step.
  let scales = encoded.bytes("scales").storage.bindMemory(to: Float16.self)
  for row in 0..<5 {
    for column in 0..<160 {
      let spans = integer.spanCount(columns: 160)
      let place =
        integer.granularity == .tensor ? 0 : row * spans + column / integer.spanLength(columns: 160)
      let step = Float(scales[place])
      let value = matrix.row(row)[column]
      let off = abs(decoded.row(row)[column] - value)
      #expect(off <= step * 0.51 || abs(value) > abs(decoded.row(row)[column]))
    }
  }
  withExtendedLifetime(encoded) {}
}

@Test func oneMoreBitLeavesLessError() throws {
  var weights = TestWeights(seed: 12)
  let values = weights.normal(64 * 256, deviation: 0.1)
  let matrix = Matrix(rows: 64, columns: 256, values: values)
  let work = RowWork(pool: ComputePool(threadCount: 2))
  let errors = try (2...8).map { bits in
    let format = NumberFormat.integer(IntegerFormat(bits: bits, granularity: .group(64)))
    let encoded = try format.codec.encode(matrix, importance: nil, work: work)
    return squaredError(values, try format.codec.decode(encoded, work: work).values)
  }
  for (coarse, fine) in zip(errors, errors.dropFirst()) { #expect(fine < 0.45 * coarse) }
}
