import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

/// Columns whose size falls from the last to the first, as rotated inputs have it after a shuffle.
private func fallingWeight(rows: Int, columns: Int, seed: UInt64) -> Matrix {
  var random = TestWeights(seed: seed)
  let values = random.normal(rows * columns, deviation: 1)
  let weight = Matrix(rows: rows, columns: columns, values: values)
  for row in 0..<rows {
    for column in 0..<columns {
      weight.row(row)[column] *= 1 / Float(1 + (column * 37) % columns)
    }
  }
  return weight
}

@Test(arguments: [("saq4", "saq4:s64"), ("saq2:s16", "saq2:s16"), ("saq8:s8", "saq8:s8")])
func segmentedNamesReadBack(spelling: String, name: String) throws {
  #expect(try #require(NumberFormat(name: spelling)).name == name)
}

@Test(arguments: ["saq", "saq0", "saq9", "saq4:s12", "saq4:s4", "saq4:g64", "saq4:s8:s8"])
func namesOfNoSegmentsAreRefused(name: String) {
  #expect(NumberFormat(name: name) == nil)
}

@Test(arguments: [("saq4:s16", 1), ("saq2:s8", 2), ("saq1:s32", 3)] as [(String, UInt64)])
func segmentsDecodeFromOrderBitsCodesAndScales(name: String, seed: UInt64) throws {
  let format = try #require(NumberFormat(name: name))
  guard case .segmented(let segmented) = format else {
    Issue.record("\(name) is no segmented format")
    return
  }
  let weight = fallingWeight(rows: 9, columns: 64, seed: seed)
  let encoded = try format.codec.encode(weight, importance: nil, work: work)
  #expect(encoded.byteCount == format.byteCount(rows: 9, columns: 64))
  let parts = PlainParts(encoded)
  let order = try parts.bytes("order").indices.filter { $0 % 4 == 0 }.map {
    Int(try parts.bytes("order")[$0]) | Int(try parts.bytes("order")[$0 + 1]) << 8
  }
  #expect(order.sorted() == Array(0..<64))
  let bits = try parts.bytes("bits").map(Int.init)
  #expect(bits.reduce(0, +) == segmented.meanBits * bits.count)
  let (codes, scales) = (try parts.bytes("codes"), try parts.halves("scales"))
  let length = segmented.segmentLength
  let rowBytes = codes.count / 9
  var expected = [Float](repeating: 0, count: 9 * 64)
  for row in 0..<9 {
    var bit = row * rowBytes * 8
    for (segment, width) in bits.enumerated() where width > 0 {
      for place in 0..<length {
        let code = (0..<width).reduce(0) { code, index in
          code | Int(codes[(bit + index) / 8] >> UInt8((bit + index) % 8) & 1) << index
        }
        bit += width
        expected[row * 64 + order[segment * length + place]] =
          scales[row * bits.count + segment] * (Float(code) + 0.5 - Float(1 << (width - 1)))
      }
    }
  }
  #expect(try format.codec.decode(encoded, work: work).values == expected)
}

@Test func columnsOfMoreEnergyComeFirstAndGetNoFewerBits() throws {
  let weight = fallingWeight(rows: 40, columns: 128, seed: 4)
  let importance = testImportance(columns: 128, seed: 5)
  let format = try #require(NumberFormat(name: "saq3:s16"))
  let parts = PlainParts(
    try format.codec.encode(weight, importance: importance, work: work))
  let energies = (0..<128).map { column in
    (0..<40).reduce(0.0) { $0 + Double(weight.row($1)[column] * weight.row($1)[column]) }
      * Double(importance[column])
  }
  let order = try parts.bytes("order").indices.filter { $0 % 4 == 0 }.map {
    Int(try parts.bytes("order")[$0])
  }
  for (one, next) in zip(order, order.dropFirst()) {
    #expect(energies[one] >= energies[next] * (1 - 1e-6))
  }
  let bits = try parts.bytes("bits")
  #expect(zip(bits, bits.dropFirst()).allSatisfy { $0 >= $1 })
  #expect(bits[0] > bits[bits.count - 1])
}

@Test(arguments: 0..<20 as Range<UInt64>)
func theProgramSpendsBitsAsTheBestOfAllChoicesDoes(seed: UInt64) {
  var random = RandomSource(seed: seed)
  let errors = (0..<4).map { _ in
    (0..<5).map { _ in random.nextUnit() }
  }
  let total = Int(random.nextUnit() * 17)
  var least = Double.infinity
  for code in 0..<625 {
    let bits = [code % 5, code / 5 % 5, code / 25 % 5, code / 125]
    guard bits.reduce(0, +) == total else { continue }
    least = min(least, zip(errors, bits).reduce(0) { $0 + $1.0[$1.1] })
  }
  let bits = SegmentBits.allocate(errors, total: total)
  #expect(bits.reduce(0, +) == total)
  #expect(abs(zip(errors, bits).reduce(0) { $0 + $1.0[$1.1] } - least) < 1e-12)
}

@Test func segmentsBeatEvenBitsWhereEnergyFalls() throws {
  let weight = fallingWeight(rows: 48, columns: 256, seed: 6)
  func noise(_ name: String) throws -> Double {
    let codec = try #require(NumberFormat(name: name)).codec
    let values = try codec.decode(codec.encode(weight, importance: nil, work: work), work: work)
    return zip(weight.values, values.values).reduce(0) {
      $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
    }
  }
  for bits in [2, 3, 4] { #expect(try noise("saq\(bits)") < 0.5 * noise("int\(bits):g64")) }
}

/// Of all codes of a short vector none explains much more of its energy.
@Test func adjustedCodesAreNearTheBestOfAll() throws {
  let codec = try #require(NumberFormat(name: "saq2:s8")).codec
  var ratios: [Double] = []
  for seed in 0..<6 as Range<UInt64> {
    var random = TestWeights(seed: 70 + seed)
    let values = random.normal(8, deviation: 1)
    let weight = Matrix(rows: 1, columns: 8, values: values)
    let found = try codec.decode(codec.encode(weight, importance: nil, work: work), work: work)
    let error = zip(values, found.values).reduce(0.0) {
      $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
    }
    let energy = values.reduce(0.0) { $0 + Double($1 * $1) }
    var explained = 0.0
    for code in 0..<1 << 16 {
      var (product, square) = (0.0, 0.0)
      for place in 0..<8 {
        let level = Double(code >> (2 * place) & 3) - 1.5
        product += level * Double(values[place])
        square += level * level
      }
      if product > 0 { explained = max(explained, product * product / square) }
    }
    ratios.append(error / (energy - explained))
  }
  #expect(ratios.allSatisfy { $0 > 0.99 && $0 < 1.5 }, "\(ratios)")
  #expect(ratios.reduce(0, +) / 6 < 1.15, "\(ratios)")
}
