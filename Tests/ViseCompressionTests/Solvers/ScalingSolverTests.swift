import Glibc
import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

@Test func activationScalesArePowersAboutOne() {
  #expect(ActivationScaling.scales(magnitudes: [1, 4, 16], alpha: 0.5) == [0.5, 1, 2])
  #expect(ActivationScaling.scales(magnitudes: [1, 0, 9], alpha: 1) == [1 / 3, 1, 3])
  #expect(ActivationScaling.scales(magnitudes: [3, 5], alpha: 0) == [1, 1])
}

@Test(arguments: ["int3:g32", "int4:channel:asym", "nf4:g64"])
func activationScalingLowersTheErrorOfOutputs(name: String) throws {
  let inputs = SolverInputs(tokens: 64, columns: 128, seed: 71)
  let weight = testWeight(rows: 24, columns: 128, seed: 72)
  let codec = try #require(NumberFormat(name: name)).codec
  let found = try ActivationScaling(
    codec: codec, secondMoment: inputs.secondMoment, magnitudes: inputs.magnitudes
  ).search([weight], work: work)
  #expect(found.outputError <= found.plainError)
  if name == "int3:g32" { #expect(found.alpha > 0 && found.outputError < 0.9 * found.plainError) }
  let values = try codec.decode(found.encoded[0], work: work)
  for index in 0..<values.count { values.pointer[index] /= found.scales[index % 128] }
  let plain = inputs.outputError(values, weight)
  #expect(abs(found.outputError - plain) < 1e-3 * plain)
}

@Test(arguments: [2, 3, 4])
func halfQuadraticOffsetsLowerTheNormBelowOne(bits: Int) throws {
  var random = TestWeights(seed: 73)
  var values = random.normal(32 * 128, deviation: 0.1)
  // One-sided outliers: the middle between the extremes is no good offset.
  for index in stride(from: 5, to: values.count, by: 64) { values[index] = 0.5 }
  let weight = Matrix(rows: 32, columns: 128, values: values)
  let format = OffsetFormat(bits: bits, granularity: .group(64))
  let solver = HalfQuadratic(format: format)
  let found = try format.decode(try solver.encode(weight, work: work), work: work).values
  func norm(_ decoded: [Float]) -> Double {
    zip(values, decoded).reduce(0.0) { $0 + pow(abs(Double($1.0) - Double($1.1)), 0.7) }
  }
  // Between the extremes of each group, by plain code.
  let between = stride(from: 0, to: values.count, by: 64).flatMap { start -> [Float] in
    let group = values[start..<start + 64]
    let low = group.min() ?? 0
    let step = ((group.max() ?? 0) - low) / Float((1 << bits) - 1)
    return group.map { low + (($0 - low) / step).rounded() * step }
  }
  #expect(norm(found) < norm(between))
}

@Test func jointScalesLowerTheSumOfErrors() throws {
  let inputs = SolverInputs(tokens: 64, columns: 128, seed: 81)
  let weights = [
    testWeight(rows: 16, columns: 128, seed: 82), testWeight(rows: 8, columns: 128, seed: 83),
  ]
  let codec = try #require(NumberFormat(name: "int3:g32")).codec
  let found = try ActivationScaling(
    codec: codec, secondMoment: inputs.secondMoment, magnitudes: inputs.magnitudes
  ).search(weights, work: work)
  var sum = 0.0
  for (weight, encoded) in zip(weights, found.encoded) {
    let values = try codec.decode(encoded, work: work)
    sum += inputs.outputError(
      ActivationScaling.unscaled(values, by: found.scales), weight)
  }
  #expect(abs(sum - found.outputError) < 1e-3 * sum)
  #expect(found.outputError < found.plainError)
}

@Test func smoothingFollowsItsFormula() {
  #expect(Smoothing.factors(inputs: [16, 2, 0], weights: [4, 2, 0]) == [2, 1, 1])
  #expect(Smoothing.keyFactors(inputs: [4, 1, 1, 9]) == [2, 3, 2, 3])
  #expect(Smoothing.keyFactors(inputs: [4, 1, 1, 9], isInterleaved: true) == [2, 2, 3, 3])
}

@Test func equalizedRangesAreTheSameOnBothSides() {
  let (rows, columns): ([Float], [Float]) = ([4, 0.5, 0], [1, 8, 3])
  let factors = ChannelEqualization.factors(rows: rows, columns: columns)
  for channel in 0..<2 {
    let (r1, r2) = (rows[channel] / factors[channel], columns[channel] * factors[channel])
    #expect(abs(r1 - r2) < 1e-6 && abs(r1 - (rows[channel] * columns[channel]).squareRoot()) < 1e-6)
  }
  #expect(factors[2] == 1)
}
