import Glibc
import Testing
import ViseCompression
import ViseTensor

private func symbols(_ count: Int, skew: Double, alphabet: Int, seed: UInt64) -> [UInt8] {
  var random = TestWeights(seed: seed)
  return (0..<count).map { _ in
    UInt8(min(Double(alphabet) - 1, pow(Double(random.uniform()), skew) * Double(alphabet)))
  }
}

private func coded(_ symbols: [UInt8], alphabet: Int) -> [UInt8] {
  symbols.withUnsafeBufferPointer { RangeANS.encode($0, alphabet: alphabet) }
}

private func decoded(_ bytes: [UInt8], count: Int) throws -> [UInt8] {
  try bytes.withUnsafeBytes { try RangeANS.decode($0, count: count) }
}

@Test(arguments: [(2, 1.0), (16, 1.0), (16, 4.0), (256, 3.0), (256, 20.0), (8, 0.2)])
func streamsDecodeToTheirSymbolsNearTheEntropy(alphabet: Int, skew: Double) throws {
  let symbols = symbols(40_000, skew: skew, alphabet: alphabet, seed: 91)
  let bytes = coded(symbols, alphabet: alphabet)
  #expect(try decoded(bytes, count: 40_000) == symbols)
  var counts = [Int](repeating: 0, count: alphabet)
  for symbol in symbols { counts[Int(symbol)] += 1 }
  let least = SymbolFrequencies.entropy(counts: counts) * 40_000 / 8
  let header = Double(18 + 2 * alphabet)
  #expect(Double(bytes.count) < least * 1.01 + header + 8)
  #expect(Double(bytes.count) > least)
}

@Test(arguments: [0, 1, 2, 3, 100])
func shortAndConstantStreamsReadBack(count: Int) throws {
  let constant = [UInt8](repeating: 5, count: count)
  #expect(try decoded(coded(constant, alphabet: 16), count: count) == constant)
  let mixed = symbols(count, skew: 1, alphabet: 256, seed: 92)
  #expect(try decoded(coded(mixed, alphabet: 256), count: count) == mixed)
}

@Test func aDecoderWrittenFromTheDocsReadsAStream() {
  let symbols = symbols(500, skew: 2, alphabet: 5, seed: 93)
  let bytes = coded(symbols, alphabet: 5)
  func number(_ at: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
  }
  #expect(number(0, 8) == 500 && number(8, 2) == 4)
  let frequencies = (0..<5).map { number(10 + 2 * $0, 2) }
  var state = number(20, 8)
  var at = 28
  let found = (0..<500).map { _ -> UInt8 in
    var (symbol, start) = (0, UInt64(0))
    while state % 4096 >= start + frequencies[symbol] {
      start += frequencies[symbol]
      symbol += 1
    }
    state = frequencies[symbol] * (state / 4096) + state % 4096 - start
    if state < 1 << 31 {
      state = (state << 32) | number(at, 4)
      at += 4
    }
    return UInt8(symbol)
  }
  #expect(found == symbols && at == bytes.count)
}

@Test func damagedStreamsAreRefusedOrDiffer() {
  let symbols = symbols(3000, skew: 2, alphabet: 16, seed: 94)
  let bytes = coded(symbols, alphabet: 16)
  #expect(throws: RangeANS.Fault.truncated) { try decoded(Array(bytes.prefix(9)), count: 3000) }
  #expect(throws: RangeANS.Fault.truncated) { try decoded(Array(bytes.dropLast(1)), count: 3000) }
  #expect(throws: RangeANS.Fault.wrongEnd) { try decoded(bytes + [0], count: 3000) }
  #expect(throws: RangeANS.Fault.wrongCount(3000)) { try decoded(bytes, count: 2999) }
  for place in stride(from: 0, to: bytes.count, by: 7) {
    var damaged = bytes
    damaged[place] ^= 0x10
    let found = try? decoded(damaged, count: 3000)
    #expect(found != symbols)
  }
}

@Test(arguments: ["int4:g128", "int8:channel", "fp8:channel", "kmeans4:tensor"])
func codedCodesReadBackToTheSameWeight(name: String) throws {
  let codec = try #require(NumberFormat(name: name)?.codec as? any GridCodec)
  try check(codec)
}

private func check(_ codec: some GridCodec) throws {
  let weight = testWeight(rows: 64, columns: 256, seed: 95)
  let work = RowWork(pool: nil)
  let encoded = try codec.encode(weight, importance: nil, work: work)
  let size = codec.codedSize(of: encoded)
  let stream = codec.codedCodes(of: encoded)
  #expect(stream.count == size.codedCodeBytes && size.plainByteCount == encoded.byteCount)
  let back = try stream.withUnsafeBytes {
    try codec.replacingCodes(of: encoded, by: $0)
  }
  #expect(try codec.decode(back, work: work).values == codec.decode(encoded, work: work).values)
  #expect(Double(size.codedCodeBytes) < size.entropy * 64 * 256 / 8 * 1.02 + 540)
}

@Test(arguments: [0.7, 1.0, 2.0])
func aFittedDensityHasTheSamplesShape(beta: Double) throws {
  // |x|^β / α^β is Gamma(1/β): for β = 1 exponential, for β = 2 a squared normal; 0.7 by inversion.
  let truth = GeneralizedGaussian(alpha: 0.3, beta: beta)
  let values = (1..<20_000).map { index -> Float in
    let wanted = Double(index) / 20_000
    var (low, high) = (-40.0, 40.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if truth.distribution(middle) < wanted { low = middle } else { high = middle }
    }
    return Float(low)
  }
  let found = try #require(values.withUnsafeBufferPointer { GeneralizedGaussian(fitting: $0) })
  #expect(abs(found.beta - beta) < 0.03 * beta)
  #expect(abs(found.alpha - 0.3) < 0.02)
}

@Test func distributionsAreTheKnownOnes() {
  let normal = GeneralizedGaussian(alpha: 2.0.squareRoot(), beta: 2)
  let laplace = GeneralizedGaussian(alpha: 1, beta: 1)
  for x in stride(from: -4.0, through: 4, by: 0.37) {
    #expect(abs(normal.distribution(x) - 0.5 * (1 + erf(x / 2.0.squareRoot()))) < 1e-12)
    #expect(
      abs(laplace.distribution(x) - (x < 0 ? 0.5 * exp(x) : 1 - 0.5 * exp(-x))) < 1e-12)
  }
  let total = (-60...60).reduce(0.0) { $0 + exp2(-laplace.rate(code: $1, step: 0.5)) }
  #expect(abs(total - 1) < 1e-9)
}

@Test func theRateModelForetellsTheCodedSize() throws {
  var random = TestWeights(seed: 96)
  let weight = Matrix(rows: 64, columns: 512, values: random.normal(64 * 512, deviation: 0.05))
  let format = IntegerFormat(bits: 5, granularity: .tensor, range: .extremes)
  let encoded = try format.encode(weight, importance: nil, work: RowWork(pool: nil))
  let step = Double(try PlainParts(encoded).halves("scales")[0])
  let model = try #require(
    weight.values.withUnsafeBufferPointer { GeneralizedGaussian(fitting: $0) })
  let size = format.codedSize(of: encoded)
  #expect(abs(model.entropy(step: step) - size.entropy) < 0.03)
  #expect(Double(8 * size.codedCodeBytes) < (model.entropy(step: step) + 0.06) * 64 * 512)
}

@Test func aPriceOnBitsTradesErrorForRate() throws {
  let weight = testWeight(rows: 48, columns: 256, seed: 97)
  let format = IntegerFormat(bits: 4, granularity: .group(64))
  let work = RowWork(pool: nil)
  var sizes: [Int] = []
  var errors: [Double] = []
  for price in [0, 1.0, 3.0] {
    let encoded = try RateConstrainedRounding(codec: format, price: price)
      .encode(weight, importance: nil, work: work)
    sizes.append(format.codedSize(of: encoded).codedByteCount)
    errors.append(squaredError(weight.values, try format.decode(encoded, work: work).values))
  }
  #expect(sizes[0] > sizes[1] && sizes[1] > sizes[2])
  #expect(errors[0] < errors[1] && errors[1] < errors[2])
}

@Test func aFactorizedSiteIsCodedFactorByFactorAndBlocksAreNot() throws {
  let cases = try PruningCases(rows: 96, columns: 128, seed: 95)
  let site = try cases.compress("rank=32 format=int4:g16")
  let size = try #require(site.codedSize)
  #expect(size.plainByteCount == site.byteCount && size.codeCount == 32 * (96 + 128))
  guard case .integer(let codec) = site.format else {
    Issue.record("int4 is an integer format")
    return
  }
  let streams = site.storage.weights.map { codec.codedCodes(of: $0).count }
  #expect(size.codedCodeBytes == streams.reduce(0, +))
  #expect(size.codedByteCount < size.plainByteCount)
  #expect(try cases.compress("q4_0").codedSize == nil)
}

@Test(arguments: ["int4:channel", "int4:g16", "int3:g16:asym", "int8:tensor"])
func noInputsOverflowTheAccumulatorAndOneBitLessCanBeOverflown(format: String) throws {
  let cases = try PruningCases(rows: 24, columns: 64, seed: 96)
  let site = try cases.compress(format)
  guard case .integer(let codec) = site.format, case .dense(let encoded) = site.storage else {
    Issue.record("\(format) is an integer format")
    return
  }
  // Codes by dividing the decoded values by their span's scale.
  let scales = encoded.bytes("scales").storage.bindMemory(to: Float16.self)
  let length = codec.spanLength(columns: 64)
  let values = try site.values()
  var largest = 0.0
  for row in 0..<24 {
    for start in stride(from: 0, to: 64, by: length) {
      let place = codec.granularity == .tensor ? 0 : row * (64 / length) + start / length
      let sum = (start..<start + length).reduce(0.0) {
        $0 + abs((Double(values.row(row)[$1]) / Double(scales[place])).rounded())
      }
      largest = max(largest, sum)
    }
  }
  #expect(Double(codec.largestCodeNorm(of: encoded)) == largest)
  // Inputs of −128 with the codes' signs.
  let reached = largest * 128
  let bits = try #require(site.accumulatorBits(activationBits: 8))
  #expect(reached < exp2(Double(bits - 1)))
  #expect(reached > exp2(Double(bits - 2)) - 1)
}

@Test func accumulatorsOfKnownNormsAreThoseOfTheBound() {
  // ‖q‖₁ ≤ (2^(P−1) − 1) · 2^(1 − N) for signed inputs: 127 · 128 = 16,256 fits 15 bits, 128 · 128 16.
  #expect(AccumulatorWidth.bits(codeNorm: 127, activationBits: 8) == 15)
  #expect(AccumulatorWidth.bits(codeNorm: 128, activationBits: 8) == 16)
  #expect(AccumulatorWidth.bits(codeNorm: 128, activationBits: 8, isSigned: false) == 17)
  #expect(AccumulatorWidth.bits(codeNorm: 0, activationBits: 8) == 1)
}
