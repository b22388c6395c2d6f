import Testing
import ViseCompression
import ViseTensor

private let names = [
  "int2:g64", "int3:g32:asym", "int4:g128", "int4:g32:minmax", "int4:channel:asym:minmax",
  "int5:tensor:p99.9", "int6:g16:asym:p99", "int8:channel", "int8:tensor:asym", "int7:g48",
]

private func integer(_ name: String) throws -> IntegerFormat {
  guard case .integer(let format) = try #require(NumberFormat(name: name)) else {
    throw CompressionError.unsuitable(name)
  }
  return format
}

@Test(arguments: names)
func aReaderThatKnowsOnlyTheDocsDecodesIntegers(name: String) throws {
  let format = try integer(name)
  let (encoded, values) = try stored(name, testWeight(rows: 6, columns: 100, seed: 1))
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: format.bits)
  let scales = try plain.halves("scales")
  let zeros = format.isSymmetric ? nil : try plain.bytes("zeros")
  let group = format.granularity.spanLength(columns: 100)
  let spans = (100 + group - 1) / group
  let low = format.isSymmetric ? -(1 << (format.bits - 1)) : 0
  for row in 0..<6 {
    for column in 0..<100 {
      let place = format.granularity == .tensor ? 0 : row * spans + column / group
      let zero = Int(zeros?[place] ?? 0)
      let value = Float(Float16(Float(codes[row][column] + low - zero) * scales[place]))
      #expect(values[row * 100 + column] == value)
    }
  }
}

@Test(arguments: names)
func codesAreThoseOfTheNearestValues(name: String) throws {
  let format = try integer(name)
  let weight = testWeight(rows: 6, columns: 100, seed: 2)
  let (encoded, values) = try stored(name, weight)
  let group = format.granularity.spanLength(columns: 100)
  let spans = (100 + group - 1) / group
  let (parameters, shared) = format.load(encoded, spans: spans)
  var levels = [Float](repeating: 0, count: 256)
  for index in weight.values.indices {
    let place = index / 100 * spans + index % 100 / group
    format.levels(parameters[place], shared: shared, into: &levels)
    let value = weight.values[index]
    let nearest = levels[..<format.levelCount].map { abs($0 - value) }.min() ?? 0
    #expect(abs(values[index] - value) <= nearest * 1.000_001)
  }
}

@Test(arguments: [false, true])
func extremesAndPercentilesAreTheDefinitions(isSymmetric: Bool) throws {
  let weight = testWeight(rows: 4, columns: 300, seed: 3)
  let suffix = isSymmetric ? "" : ":asym"
  let (extremes, _) = try stored("int4:channel\(suffix):minmax", weight)
  let (percentile, _) = try stored("int4:channel\(suffix):p98", weight)
  let all = try PlainParts(extremes).halves("scales")
  let inner = try PlainParts(percentile).halves("scales")
  for row in 0..<4 {
    let values = Array(weight.values[row * 300..<(row + 1) * 300])
    let ascending = values.sorted()
    let magnitudes = values.map(abs).sorted()
    if isSymmetric {
      let scale = max(ascending[299] / 7, -ascending[0] / 8)
      #expect(all[row] == Float(Float16(scale)))
      // 6 of 300 magnitudes lie outside.
      #expect(inner[row] == Float(Float16(magnitudes[293] / 7)))
    } else {
      #expect(all[row] == Float(Float16((ascending[299] - ascending[0]) / 15)))
      // 3 of 300 lie outside at each end.
      #expect(inner[row] == Float(Float16((ascending[296] - ascending[3]) / 15)))
    }
  }
}

@Test(arguments: ["int3:g32", "int3:g32:asym", "int4:channel", "int4:tensor:asym"])
func theErrorSearchBeatsEveryShrunkenRange(name: String) throws {
  let format = try integer(name)
  let weight = testWeight(rows: 8, columns: 128, seed: 4)
  let importance = testImportance(columns: 128, seed: 5)
  let (_, values) = try stored(name, weight, importance: importance)
  let error = squaredError(weight.values, values, importance: importance)
  let (_, plain) = try stored(name, weight)
  #expect(error <= squaredError(weight.values, plain, importance: importance))
  for option in ["minmax", "p99", "p95"] {
    let (_, other) = try stored(name + ":" + option, weight, importance: importance)
    #expect(error <= squaredError(weight.values, other, importance: importance))
  }
  #expect(format.range == .leastError)
}

@Test(arguments: ["int3:g32", "int4:g64:asym", "int4:channel", "int4:tensor"])
func withoutImportanceErrorsCountByTheMagnitudeOfTheWeight(name: String) throws {
  let weight = testWeight(rows: 8, columns: 128, seed: 8)
  func error(_ option: String, byMagnitude: Bool) throws -> Double {
    let (_, values) = try stored(name + option, weight)
    return zip(weight.values, values).reduce(0) { sum, pair in
      let error = Double(pair.0 - pair.1)
      return sum + error * error * (byMagnitude ? Double(abs(pair.0)) : 1)
    }
  }
  let weighed = try error("", byMagnitude: true)
  let squares = try error(":mse", byMagnitude: false)
  for option in [":mse", ":minmax", ":p99", ":p95"] {
    #expect(weighed <= (try error(option, byMagnitude: true)))
    #expect(squares <= (try error(option, byMagnitude: false)))
  }
  #expect(try weighed < error(":mse", byMagnitude: true))
  #expect(try squares < error("", byMagnitude: false))
}

@Test func importantColumnsGetTheSmallerErrors() throws {
  let weight = testWeight(rows: 64, columns: 64, seed: 6)
  let importance = (0..<64).map { Float($0 < 4 ? 1000 : 1) }
  let (_, plain) = try stored("int2:g64", weight)
  let (_, weighed) = try stored("int2:g64", weight, importance: importance)
  func error(_ values: [Float]) -> Double {
    squaredError(weight.values, values, importance: importance.map { $0 > 1 ? 1 : 0 })
  }
  #expect(error(weighed) < 0.7 * error(plain))
}

@Test func zeroWeightsStayZero() throws {
  for name in names {
    let (_, values) = try stored(name, Matrix.zeros(rows: 2, columns: 100))
    #expect(values.allSatisfy { $0 == 0 })
  }
}

@Test(arguments: ["int4:p40", "int4:p100", "int4:p99.99", "int4:pX", "int04", "int4:g07"])
func rangesThatAreNoneAreRefused(name: String) {
  #expect(NumberFormat(name: name) == nil)
}

@Test func theCanonicalNameOfAnIntegerReadsBack() throws {
  for name in names { #expect(try #require(NumberFormat(name: name)).name == name) }
  #expect(NumberFormat(name: "int4:mse:sym")?.name == "int4:g128:mse")
}
