import Testing
import ViseCompression
import ViseTensor

/// The value of a float's bits, by its definition.
private func value(_ pattern: Int, exponentBits: Int, mantissaBits: Int) -> Double {
  let magnitude = pattern & ((1 << (exponentBits + mantissaBits)) - 1)
  let exponent = magnitude >> mantissaBits
  let fraction = Double(magnitude & ((1 << mantissaBits) - 1)) / Double(1 << mantissaBits)
  let bias = (1 << (exponentBits - 1)) - 1
  var value = exponent == 0 ? fraction : 1 + fraction
  var power = max(exponent, 1) - bias
  while power > 0 { (value, power) = (value * 2, power - 1) }
  while power < 0 { (value, power) = (value / 2, power + 1) }
  return magnitude == pattern ? value : -value
}

@Test func eightBitFloatsHaveTheirPublishedLimits() {
  #expect(MiniFloat.e4m3.largest == 448 && MiniFloat.e5m2.largest == 57_344)
  #expect(MiniFloat.e4m3.magnitude(1) == 0x1p-9 && MiniFloat.e5m2.magnitude(1) == 0x1p-16)
  #expect(MiniFloat.e2m1.largest == 6 && MiniFloat.e2m3.largest == 7.5)
  #expect(MiniFloat.e3m2.largest == 28 && MiniFloat.e3m2.magnitude(1) == 0x1p-4)
}

@Test(
  arguments: [
    ("fp8:channel", 4, 3), ("fp8_e5m2:g64", 5, 2), ("fp6:g64", 2, 3), ("fp6_e3m2:tensor", 3, 2),
    ("fp4:g64", 2, 1), ("fp4:g64:dense", 2, 1), ("fp8:mx", 4, 3), ("fp4:mx", 2, 1),
  ])
func floatsDecodeFromTheirBits(name: String, exponentBits: Int, mantissaBits: Int) throws {
  let (encoded, values) = try stored(name, testWeight(rows: 5, columns: 160, seed: 31))
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: 1 + exponentBits + mantissaBits)
  let scales =
    name.hasSuffix("mx")
    ? try plain.bytes("scales").map { Float(sign: .plus, exponent: Int($0) - 127, significand: 1) }
    : name.hasPrefix("fp4") ? try plain.halves("scales") : try plain.floats("scales")
  let centres = name.hasSuffix("dense") ? try plain.halves("centres") : nil
  let group = name.hasSuffix("mx") ? 32 : name.contains("g64") ? 64 : 160
  let spans = (160 + group - 1) / group
  for row in 0..<5 {
    for column in 0..<160 {
      let place = name.hasSuffix("tensor") ? 0 : row * spans + column / group
      let unit = value(codes[row][column], exponentBits: exponentBits, mantissaBits: mantissaBits)
      var expected = Float(unit) * scales[place]
      if let centres { expected += centres[place] }
      #expect(values[row * 160 + column] == expected)
    }
  }
}

@Test func blockFloatsDecodeFromBothTheirScales() throws {
  let weight = testWeight(rows: 5, columns: 72, seed: 32)
  let (encoded, values) = try stored("nvfp4", weight)
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: 4)
  let scales = try plain.bytes("scales")
  let tensor = try plain.floats("tensor_scale")[0]
  let extreme = weight.values.map(abs).max() ?? 0
  #expect(abs(tensor * 6 * 448 / extreme - 1) < 1e-6)
  #expect(scales.count == 5 * 5)
  for row in 0..<5 {
    for column in 0..<72 {
      let scale = Float(
        value(Int(scales[row * 5 + column / 16]), exponentBits: 4, mantissaBits: 3))
      let unit = Float(value(codes[row][column], exponentBits: 2, mantissaBits: 1))
      #expect(values[row * 72 + column] == unit * (scale * tensor))
    }
  }
}

@Test func normalFloatsAreQuantilesWithinTheirGroup() throws {
  // The published levels, to three digits: averages of neighbouring quantiles of N(0, 1).
  let levels: [Float] = [
    -1, -0.696, -0.525, -0.395, -0.284, -0.185, -0.091, 0, 0.080, 0.161, 0.246, 0.338, 0.441,
    0.563, 0.723, 1,
  ]
  let (encoded, values) = try stored("nf4:g64", testWeight(rows: 3, columns: 128, seed: 33))
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: 4)
  let scales = try plain.halves("scales")
  for row in 0..<3 {
    for column in 0..<128 {
      let scale = scales[row * 2 + column / 64]
      #expect(abs(values[row * 128 + column] - levels[codes[row][column]] * scale) < 6e-4 * scale)
    }
  }
}

@Test func aShiftedGroupGainsFromADenseCentre() throws {
  let weight = testWeight(rows: 8, columns: 64, seed: 34)
  for index in 0..<weight.count { weight.pointer[index] += 0.25 }
  let (_, plain) = try stored("nf4:g64", weight)
  let (_, dense) = try stored("nf4:g64:dense", weight)
  #expect(signalToNoise(weight, dense) > signalToNoise(weight, plain) + 3)
}

@Test func dynamicLevelsAreRelativelyFineOverSevenDecades() throws {
  let magnitudes: [Float] = [1, 0.9, 0.3, 0.11, 0.04, 0.007, 0.0008, 0.00003, 0.000004]
  let values = (magnitudes + magnitudes.map(-)) + [Float](repeating: 0, count: 14)
  let weight = Matrix(rows: 1, columns: 32, values: values)
  let (encoded, decoded) = try stored("dynamic8:g32", weight)
  #expect(try PlainParts(encoded).bytes("codes").count == 32)
  for (value, found) in zip(values, decoded) {
    // Bins of decade 10^(i−6) are 0.9/2^i wide; clipping and scale choice add to that.
    let tolerance: Float = abs(value) > 0.1 ? 0.16 : abs(value) > 0.01 ? 0.2 : 0.9
    #expect(abs(found - value) <= tolerance * abs(value))
  }
}
