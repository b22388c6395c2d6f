import Testing
import ViseCompression
import ViseTensor

/// Every kind of format that is no ggml type, with the least signal to noise, in decibels, that a
/// weight with outliers must keep.
private let formats: [(name: String, decibels: Double)] = [
  ("int2:g64", 6), ("int4:g128", 16), ("int4:g32:asym:minmax", 18), ("int8:channel", 36),
  ("int6:tensor:p99.9", 18), ("fp8:channel", 29), ("fp8:tensor", 29), ("fp8:g128", 29),
  ("fp8_e5m2:channel", 23), ("fp8:mx", 29), ("fp6:g64", 28), ("fp6_e3m2:channel", 23),
  ("fp6:mx", 27), ("fp4:g64", 16), ("fp4:g64:dense", 16), ("fp4:mx", 15), ("nvfp4", 18),
  ("nf4:g64", 17), ("nf4:channel", 14), ("nf4:g64:dense", 17), ("dynamic8:g256", 36),
  ("dynamic8:tensor", 32), ("power4:g128", 16), ("power3:channel", 9), ("power8:channel", 36),
  ("compand4:g128", 16), ("compand2:g64", 6), ("compand3:g128:centred", 10),
  ("kmeans4:tensor", 14), ("kmeans3:channel", 10), ("kmeans2:r5", 5), ("kmeans4:g64", 18),
  ("kmeans8:tensor", 36), ("vq8d2:channel", 16), ("vq6d4:tensor", 4), ("vq8d4:g64", 8),
  ("pvq16k24", 12), ("pvq8k16:hadamard", 13), ("pvq32k32", 9), ("rex2x4:g128", 30),
  ("rex3x2:g64:asym", 18), ("dgq4:g64", 17), ("dgq4:g128", 16), ("aff4:g64", 18),
  ("aff2:g32", 7), ("aff8:channel", 36), ("saq4:s64", 18), ("saq2:s16", 8), ("saq1:s64", 2),
  ("saq6:s32", 30), ("rex2x4:g128:s25", 17), ("int4:g128:acc16", 14), ("int4:g64:minmax:acc14", 5),
]

@Test(arguments: formats)
func theCanonicalNameReadsBack(name: String, decibels: Double) throws {
  let format = try #require(NumberFormat(name: name))
  #expect(format.name == name)
  #expect(NumberFormat(name: name.uppercased()) == format)
  #expect(NumberFormat(name: name + ":what") == nil)
}

@Test(arguments: formats)
func storedWeightsHaveTheAnnouncedBytesAndKeepTheirSignal(
  name: String, decibels: Double
) throws {
  let format = try #require(NumberFormat(name: name))
  for columns in [256, 200] where format.misfit(columns: columns) == nil {
    let weight = testWeight(rows: 12, columns: columns, seed: 21)
    let (encoded, values) = try stored(name, weight)
    #expect(encoded.byteCount == format.byteCount(rows: 12, columns: columns))
    #expect(signalToNoise(weight, values) > decibels)
  }
  // Long rows of many groups cost what the format says; a float a row is lost in it.
  let bytes = try #require(format.byteCount(rows: 65_536, columns: 4096))
  let bitsPerWeight = 8 * Double(bytes) / (4096 * 65_536)
  #expect(abs(bitsPerWeight - format.bitsPerWeight) < 0.01)
}

@Test(
  arguments: [
    "int4:tensor", "fp8:mx", "nvfp4", "power4:g128", "kmeans3:r5", "kmeans4:g64", "vq8d4:g64",
    "pvq16k24", "rex2x4:g128:s25", "int4:g64:acc14", "dgq4:g128", "saq4:s64",
  ])
func threadsDoNotChangeTheBytes(name: String) throws {
  let codec = try #require(NumberFormat(name: name)).codec
  let weight = testWeight(rows: 300, columns: 256, seed: 22)
  let alone = try codec.encode(weight, importance: nil, work: RowWork(pool: nil))
  let pooled = try codec.encode(
    weight, importance: nil, work: RowWork(pool: ComputePool(threadCount: 2)))
  for (one, other) in zip(alone.parts, pooled.parts) {
    #expect(Array(one.bytes.bytes) == Array(other.bytes.bytes))
  }
}

@Test(arguments: formats)
func importanceLowersTheErrorItWeighs(name: String, decibels: Double) throws {
  let weight = testWeight(rows: 24, columns: 256, seed: 23)
  let importance = testImportance(columns: 256, seed: 24)
  let (_, plain) = try stored(name, weight)
  let (_, weighed) = try stored(name, weight, importance: importance)
  // A sum's terms are chosen one after the other, which does not ensure the least error of the sum.
  let slack = name.hasPrefix("rex") ? 1.1 : 1.002
  #expect(
    squaredError(weight.values, weighed, importance: importance)
      <= slack * squaredError(weight.values, plain, importance: importance))
}

@Test(arguments: formats)
func zerosStayAndNonFiniteWeightsDoNoHarm(name: String, decibels: Double) throws {
  let (_, zeros) = try stored(name, Matrix.zeros(rows: 2, columns: 256))
  #expect(zeros.allSatisfy { $0 == 0 })
  let hostile = testWeight(rows: 4, columns: 256, seed: 25)
  hostile.row(0)[3] = .nan
  hostile.row(1)[7] = .infinity
  hostile.row(2)[0] = -.infinity
  hostile.row(2)[255] = .nan
  hostile.row(3)[1] = .greatestFiniteMagnitude
  let (encoded, _) = try stored(name, hostile)
  #expect(encoded.rows == 4)
}
