import Testing
import ViseCompression
import ViseTensor

private let blockTypes = NumberFormat.encodable.filter { $0.blockLength > 1 }

/// Mean squared error over variance that an encoder must stay below on normal weights.
///
/// Each is 3 % above the encoder's own figure on 524,288 weights, and below that of llama.cpp's
/// encoders, which Tests/Peers/encoders.py measures.
private let largestNormalisedErrors: [StorageType: Double] = [
  .q8_0: 2.56e-5, .q6_K: 3.03e-4, .q5_1: 1.21e-3, .q5_K: 1.21e-3, .q5_0: 1.66e-3, .q4_1: 5.34e-3,
  .q4_K: 5.04e-3, .q4_0: 6.77e-3, .iq4_NL: 5.52e-3, .q3_K: 2.12e-2, .q2_K: 6.89e-2,
  .iq4_XS: 5.53e-3, .mxfp4: 1.30e-2, .iq3_S: 1.70e-2, .iq3_XXS: 3.21e-2, .iq2_S: 5.81e-2,
  .iq2_XS: 8.37e-2, .iq2_XXS: 0.110, .tq2_0: 0.190, .iq1_M: 0.173, .tq1_0: 0.190, .iq1_S: 0.200,
]

/// Types whose points have no zeros beside an outlier; it gives way to its neighbours.
private let gridTypes: [StorageType] = [
  .iq3_S, .iq3_XXS, .iq2_S, .iq2_XS, .iq2_XXS, .iq1_M, .iq1_S,
]

@Test(arguments: NumberFormat.encodable)
func zerosEncodeToZeros(type: StorageType) throws {
  let zeros = [Float](repeating: 0, count: 1024)
  #expect(try roundTrip(zeros, as: type, columns: 512) == zeros)
}

@Test(arguments: NumberFormat.encodable)
func numbersThatAreNoneEncodeToFiniteOnes(type: StorageType) throws {
  var weights = TestWeights(seed: 1)
  var values = weights.normal(1024, deviation: 1)
  values[0] = .nan
  values[300] = .infinity
  values[600] = -.infinity
  values[900] = .greatestFiniteMagnitude
  let result = try roundTrip(values, as: type, columns: 256)
  #expect(result.allSatisfy { $0.isFinite })
  let largest: Float = type == .bf16 ? 0x1.FEp127 : 65504
  let tolerance: Float = gridTypes.contains(type) ? 0.6 : 0.01
  #expect(abs(result[300] / largest - 1) < tolerance)
  #expect(abs(result[600] / largest + 1) < tolerance)
  #expect(abs(result[0]) < 2)
}

@Test(arguments: [StorageType.q4_0, .q4_1, .q5_0, .q5_1, .q8_0], 0..<6 as Range<UInt64>)
func errorIsSmallerThanThatOfRoundingBetweenTheExtremes(type: StorageType, seed: UInt64) throws {
  var weights = TestWeights(seed: seed)
  let values = weights.normal(4096, deviation: 0.03).map { $0 + 0.01 }
  let result = try roundTrip(values, as: type, columns: 1024)
  let rounded = roundedBetweenExtremes(values, as: type)
  #expect(squaredError(values, result) < squaredError(values, rounded), "seed \(seed)")
  for block in stride(from: 0, to: values.count, by: 32).map({ $0..<$0 + 32 }) {
    let error = squaredError(Array(values[block]), Array(result[block]))
    let bound = squaredError(Array(values[block]), Array(rounded[block])) * 1.05
    #expect(error <= bound, "seed \(seed), block at \(block.lowerBound)")
  }
}

@Test(arguments: [StorageType.q4_0, .q4_1, .q5_0, .q5_1, .q8_0], 0..<6 as Range<UInt64>)
func weightsOnTheGridOfTheirFormatStayThere(type: StorageType, seed: UInt64) throws {
  var weights = TestWeights(seed: 50 + seed)
  let grid = roundedBetweenExtremes(weights.normal(4096, deviation: 0.03), as: type)
  #expect(try roundTrip(grid, as: type, columns: 1024) == grid, "seed \(seed)")
}

@Test(arguments: blockTypes, 0..<3 as Range<UInt64>)
func errorOnNormalWeightsStaysBelowItsBound(type: StorageType, seed: UInt64) throws {
  var weights = TestWeights(seed: 100 + seed)
  let values = weights.normal(8192, deviation: 0.05)
  let result = try roundTrip(values, as: type, columns: 1024)
  let power = squaredError(values, [Float](repeating: 0, count: values.count))
  let bound = try #require(largestNormalisedErrors[type])
  #expect(squaredError(values, result) / power <= bound, "seed \(seed)")
}

@Test(arguments: NumberFormat.encodable, 0..<3 as Range<UInt64>)
func encodingWhatWasDecodedAddsLittleError(type: StorageType, seed: UInt64) throws {
  var weights = TestWeights(seed: 200 + seed)
  let values = weights.normal(8192, deviation: 0.05)
  let once = try roundTrip(values, as: type, columns: 1024)
  let twice = try roundTrip(once, as: type, columns: 1024)
  #expect(squaredError(once, twice) <= 0.05 * squaredError(values, once), "seed \(seed)")
}

@Test(arguments: blockTypes, 0..<3 as Range<UInt64>)
func importanceLowersTheErrorItWeighs(type: StorageType, seed: UInt64) throws {
  var weights = TestWeights(seed: 300 + seed)
  let values = weights.normal(8192, deviation: 0.05)
  let importance = weights.normal(1024, deviation: 1).map { $0 * $0 * $0 * $0 }
  let plain = try roundTrip(values, as: type, columns: 1024)
  let weighed = try roundTrip(values, as: type, columns: 1024, importance: importance)
  let error = squaredError(values, weighed, importance: importance)
  #expect(error < squaredError(values, plain, importance: importance), "seed \(seed)")
}

@Test(arguments: NumberFormat.encodable)
func importanceThatSaysNothingCountsAsEqual(type: StorageType) throws {
  var weights = TestWeights(seed: 5)
  let values = weights.normal(2048, deviation: 0.05)
  let importance = { [Float](repeating: $0, count: 1024) }
  let equal = try encoded(values, as: type, columns: 1024, importance: importance(1))
  for constant in [0, 2, Float.infinity, -1, .nan] {
    let bytes = try encoded(values, as: type, columns: 1024, importance: importance(constant))
    #expect(bytes == equal, "importance \(constant)")
  }
  let plain = squaredError(values, try roundTrip(values, as: type, columns: 1024))
  let careful = squaredError(values, try decoded(equal, as: type, count: 2048))
  #expect(careful <= 1.001 * plain)
}

@Test(arguments: NumberFormat.encodable)
func rowsEncodeAloneAsTheyDoTogether(type: StorageType) throws {
  var weights = TestWeights(seed: 6)
  let values = weights.normal(3 * 768, deviation: 0.05)
  let importance = weights.normal(768, deviation: 1).map { $0 * $0 }
  for importance in [nil, importance] {
    let together = try encoded(values, as: type, columns: 768, importance: importance)
    let alone = try (0..<3).flatMap { row in
      try encoded(
        Array(values[row * 768..<(row + 1) * 768]), as: type, columns: 768, importance: importance)
    }
    #expect(together == alone)
  }
}

@Test func halvesRoundToNearestEven() throws {
  var weights = TestWeights(seed: 9)
  var values = weights.normal(4096, deviation: 3)
  for exponent in -30...16 {
    values[exponent + 30] *= Float(sign: .plus, exponent: exponent, significand: 1)
  }
  values[100] = 1 + 0x1p-11
  values[101] = 1 + 3 * 0x1p-11
  values[102] = -0.0
  let result = try roundTrip(values, as: .f16, columns: 4096)
  let expected = values.map { Float(Float16(min(max($0, -65504), 65504))) }
  #expect(result.map(\.bitPattern) == expected.map(\.bitPattern))
}

@Test func brainFloatsRoundToNearestEven() throws {
  let values: [Float] = [1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1.8p-8, -0.0, -0x1.8p-133, 3.4e38]
  let expected: [Float] = [1, 1 + 0x1p-6, 1 + 0x1p-7, -0.0, -0x1p-132, 0x1.FEp127]
  let result = try roundTrip(values, as: .bf16, columns: 6)
  #expect(result.map(\.bitPattern) == expected.map(\.bitPattern))
}
