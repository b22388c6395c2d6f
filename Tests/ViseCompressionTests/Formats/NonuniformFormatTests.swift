import Glibc
import Testing
import ViseCompression
import ViseTensor

@Test(arguments: ["power3:g64", "power4:g128", "power5:channel"])
func powersDecodeFromExponentAndScale(name: String) throws {
  let bits = try #require(name.dropFirst(5).first?.wholeNumberValue)
  let (encoded, values) = try stored(name, testWeight(rows: 6, columns: 128, seed: 41))
  let plain = PlainParts(encoded)
  let exponent = Double(try plain.floats("exponent")[0])
  #expect(exponent >= 0.3 && exponent <= 1)
  let scales = try plain.halves("scales")
  let codes = try plain.codes(bits: bits)
  let table = try plain.floats("table")
  let reach = (1 << (bits - 1)) - 1
  for index in values.indices {
    let code = codes[index / 128][index % 128]
    let scale = scales[index * scales.count / values.count]
    #expect(values[index] == table[code] * scale)
    let power = pow(abs(Double(code - reach)) / Double(reach), 1 / exponent)
    #expect(abs(Double(table[code]) - (code < reach ? -power : power)) < 1e-6)
  }
}

@Test func theExponentFollowsTheWeightsTails() throws {
  var random = TestWeights(seed: 42)
  // Uniform weights want even steps; products of three have heavy tails and want small inner ones.
  let flat = (0..<4096).map { _ in random.uniform() - 0.5 }
  let heavy = (0..<4096).map { _ in
    (random.uniform() - 0.5) * random.uniform() * random.uniform()
  }
  func exponent(_ values: [Float]) throws -> Float {
    let weight = Matrix(rows: 16, columns: 256, values: values)
    return try PlainParts(stored("power4:channel", weight).encoded).floats("exponent")[0]
  }
  let (even, bent) = (try exponent(flat), try exponent(heavy))
  #expect(even > 0.9 && bent < even - 0.1)
}

@Test(arguments: [2, 3, 4, 6])
func compandedLevelsAreTheInverseOfTheCompander(bits: Int) throws {
  let weight = testWeight(rows: 4, columns: 128, seed: 43)
  let (encoded, values) = try stored("compand\(bits):g64", weight)
  let plain = PlainParts(encoded)
  let table = try plain.floats("table")
  let scales = try plain.halves("scales")
  let codes = try plain.codes(bits: bits)
  for (code, level) in table.enumerated() {
    let shape = 1 - exp(-2.0.squareRoot() * abs(Double(level)) / 3)
    let u = 0.5 * (1 + (level < 0 ? -shape : shape))
    #expect(abs(u - (Double(code) + 0.5) / Double(table.count)) < 1e-6)
  }
  for index in values.indices {
    #expect(
      values[index] == table[codes[index / 128][index % 128]] * scales[index / 64])
  }
}

@Test func compandingBeatsEvenStepsOnLaplaceWeights() throws {
  var random = TestWeights(seed: 44)
  let values = (0..<8192).map { _ in
    Float(log(Double(random.uniform()) + 1e-7)) * (random.uniform() < 0.5 ? 0.1 : -0.1)
  }
  let weight = Matrix(rows: 16, columns: 512, values: values)
  let companded = signalToNoise(weight, try stored("compand4:channel", weight).values)
  let even = signalToNoise(weight, try stored("int4:channel", weight).values)
  #expect(companded > even + 0.5)
}

@Test func residualTermsAddUpAndEachTakesTheErrorDown() throws {
  let weight = testWeight(rows: 8, columns: 128, seed: 45)
  let (encoded, values) = try stored("rex3x3:g64", weight)
  let plain = PlainParts(encoded)
  var sum = [Float](repeating: 0, count: 1024)
  var last = signalToNoise(weight, sum)
  for term in 0..<3 {
    let codes = try plain.codes("codes\(term)", bits: 3)
    let scales = try plain.halves("scales\(term)")
    for index in sum.indices {
      sum[index] += Float(Float16(Float(codes[index / 128][index % 128] - 4) * scales[index / 64]))
    }
    let now = signalToNoise(weight, sum)
    #expect(now > last + 8)
    last = now
  }
  #expect(sum == values)
}

@Test func sparseResidualsGoToTheRowsThatNeedThemMost() throws {
  let weight = testWeight(rows: 10, columns: 128, seed: 47)
  let (encoded, values) = try stored("rex2x4:g64:s25", weight)
  let plain = PlainParts(encoded)
  let rows = try plain.integers("rows1")
  #expect(rows.count == 3 && rows == rows.sorted() && Set(rows).count == 3)
  let first = try stored("int4:g64:minmax", weight).values
  func energy(_ row: Int) -> Double {
    (row * 128..<(row + 1) * 128).reduce(0) {
      $0 + pow(Double(weight.pointer[$1]) - Double(first[$1]), 2)
    }
  }
  let least = rows.map(energy).min() ?? 0
  let codes = try plain.codes("codes1", bits: 4)
  let scales = try plain.halves("scales1")
  for row in 0..<10 {
    let place = rows.firstIndex(of: row)
    if place == nil { #expect(energy(row) <= least) }
    for column in 0..<128 {
      let added = place.map { place in
        Float(Float16(Float(codes[place][column] - 8) * scales[place * 2 + column / 64]))
      }
      #expect(values[row * 128 + column] == first[row * 128 + column] + (added ?? 0))
    }
  }
}

@Test func dualGrainedIntegersStayWithinInt8() throws {
  let weight = testWeight(rows: 10, columns: 200, seed: 46)
  let (encoded, values) = try stored("dgq4:g64", weight)
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: 4)
  let groupScales = try plain.bytes("group_scales")
  let zeros = try plain.bytes("zeros")
  let scales = try plain.halves("scales")
  for index in values.indices {
    let (row, column) = (index / 200, index % 200)
    let place = row * 4 + column / 64
    let integer = Int(groupScales[place]) * (codes[row][column] - Int(zeros[place]))
    #expect((-127...127).contains(integer))
    #expect(values[index] == Float(integer) * scales[row])
  }
}
