import Glibc
import Testing
import ViseCompression
import ViseTensor

@Test func thePyramidsPointCountsAreThePublishedOnes() throws {
  #expect(try #require(PyramidCode(dimension: 3, pulses: 2)).pointCount == 18)
  #expect(try #require(PyramidCode(dimension: 2, pulses: 9)).pointCount == 36)
  #expect(try #require(PyramidCode(dimension: 8, pulses: 1)).pointCount == 16)
  for (dimension, pulses, bits) in [(8, 16, 2.982), (16, 24, 2.824), (32, 32, 2.416)] {
    let code = try #require(PyramidCode(dimension: dimension, pulses: pulses))
    #expect(abs(log2(Double(code.pointCount)) / Double(dimension) - bits) < 0.0005)
  }
  #expect(PyramidCode(dimension: 64, pulses: 200) == nil)
}

@Test(arguments: [(3, 4), (4, 3), (5, 5), (2, 1)])
func everyPointHasItsOwnNumber(dimension: Int, pulses: Int) throws {
  let code = try #require(PyramidCode(dimension: dimension, pulses: pulses))
  var seen: Set<[Int32]> = []
  for index in 0..<code.pointCount {
    var point = [Int32](repeating: 0, count: dimension)
    code.point(at: index, into: &point)
    #expect(point.reduce(0) { $0 + abs($1) } == Int32(pulses))
    #expect(code.index(of: point) == index)
    seen.insert(point)
  }
  #expect(seen.count == Int(code.pointCount))
}

@Test(arguments: ["pvq8k16", "pvq16k24", "pvq32k32"])
func pyramidsDecodeFromNumbersAndGains(name: String) throws {
  let numbers = name.dropFirst(3).split(separator: "k").compactMap { Int($0) }
  let code = try #require(PyramidCode(dimension: numbers[0], pulses: numbers[1]))
  let (encoded, values) = try stored(name, testWeight(rows: 5, columns: 160, seed: 61))
  let plain = PlainParts(encoded)
  let runs = 160 / numbers[0]
  let gains = try plain.codes("gains", bits: 6, columns: runs)
  let table = try plain.floats("gain_table")
  let scales = try plain.halves("scales")
  let bytes = try plain.bytes("directions")
  let bits = code.indexBits
  let rowBytes = (runs * bits + 7) / 8
  for row in 0..<5 {
    for run in 0..<runs {
      let number = (0..<bits).reduce(UInt128(0)) { number, bit in
        let at = run * bits + bit
        return number | UInt128(bytes[row * rowBytes + at / 8] >> UInt8(at % 8) & 1) << UInt128(bit)
      }
      var point = [Int32](repeating: 0, count: numbers[0])
      code.point(at: number, into: &point)
      let square = Float(point.reduce(0) { $0 + Int($1) * Int($1) })
      let factor = table[gains[row][run]] * scales[row] / square.squareRoot()
      for (index, y) in point.enumerated() {
        #expect(values[row * 160 + run * numbers[0] + index] == Float(y) * factor)
      }
    }
  }
}

@Test func theChosenDirectionIsNearTheBestOfAll() throws {
  let code = try #require(PyramidCode(dimension: 4, pulses: 5))
  var random = TestWeights(seed: 62)
  var points: [[Int32]] = []
  for index in 0..<code.pointCount {
    var point = [Int32](repeating: 0, count: 4)
    code.point(at: index, into: &point)
    points.append(point)
  }
  var found = 0.0
  var best = 0.0
  let values = random.normal(400, deviation: 1)
  let (_, decoded) = try stored("pvq4k5", Matrix(rows: 100, columns: 4, values: values))
  for row in 0..<100 {
    let x = values[row * 4..<row * 4 + 4].map { Double($0) }
    let power = x.reduce(0) { $0 + $1 * $1 }
    func left(_ y: [Double]) -> Double {
      let product = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
      return power - product * product / y.reduce(0) { $0 + $1 * $1 }
    }
    best += points.map { left($0.map { Double($0) }) }.min() ?? 0
    found += left(decoded[row * 4..<row * 4 + 4].map { Double($0) })
  }
  #expect(found < 1.05 * best)
}

@Test func aRotatedPyramidIsAPyramidOfTheRotatedRows() throws {
  let weight = testWeight(rows: 6, columns: 192, seed: 63)
  let (encoded, values) = try stored("pvq16k24:hadamard", weight)
  let signs = try PlainParts(encoded).bytes("signs").map { Float(Int8(bitPattern: $0)) }
  let rotation = RandomizedHadamard(length: 192, seed: 0x5669_7365)
  #expect(signs == rotation.signs)
  let plain = try #require(PyramidFormat(dimension: 16, pulses: 24))
  let rotated = try plain.decode(encoded, work: RowWork(pool: nil))
  rotation.applyInverse(to: rotated)
  #expect(rotated.values == values)
  #expect(signalToNoise(weight, values) > 12)
}

@Test(arguments: ["pvq1k4", "pvq8k0", "pvq64k200", "pvq16", "pvq16k24:what", "pvq016k24"])
func pyramidsThatCannotBeAreRefused(name: String) {
  #expect(NumberFormat(name: name) == nil)
}
