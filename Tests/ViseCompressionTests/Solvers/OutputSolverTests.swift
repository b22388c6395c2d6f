import Glibc
import Testing
import ViseCompression
import ViseTensor

private let work = RowWork(pool: nil)

@Test(arguments: ["int2:channel", "int3:g32", "int4:g48"])
func coordinateDescentLowersTheErrorOfOutputs(name: String) throws {
  guard case .integer(let format)? = NumberFormat(name: name) else { return }
  let inputs = SolverInputs(tokens: 96, columns: 96, seed: 81)
  let weight = testWeight(rows: 12, columns: 96, seed: 82)
  let encoded = try COMQ(format: format, secondMoment: inputs.secondMoment)
    .encode(weight, work: work)
  let found = inputs.outputError(try format.decode(encoded, work: work), weight)
  let (_, weighed) = try stored(
    name, weight, importance: LinearAlgebra.diagonal(of: inputs.secondMoment))
  let plain = inputs.outputError(Matrix(rows: 12, columns: 96, values: weighed), weight)
  #expect(found < 0.75 * plain)
  #expect(encoded.byteCount == format.layout(rows: 12, columns: 96).reduce(0) { $0 + $1.byteCount })
}

@Test func coordinateDescentIsNearTheBestOfAllCodes() throws {
  let inputs = SolverInputs(tokens: 20, columns: 5, seed: 83)
  let weight = testWeight(rows: 20, columns: 5, seed: 84)
  let format = IntegerFormat(bits: 2, granularity: .channel)
  let encoded = try COMQ(format: format, secondMoment: inputs.secondMoment)
    .encode(weight, work: work)
  let found = try format.decode(encoded, work: work)
  let moment = inputs.secondMoment
  func error(_ row: Int, _ values: [Double]) -> Double {
    let off = values.indices.map { Double(weight.row(row)[$0]) - values[$0] }
    return off.indices.reduce(0.0) { sum, i in
      sum + off.indices.reduce(0.0) { $0 + off[i] * Double(moment.row(i)[$1]) * off[$1] }
    }
  }
  var best = 0.0
  var reached = 0.0
  for row in 0..<20 {
    var least = Double.infinity
    for index in 0..<1024 {
      let codes = (0..<5).map { Double(index >> (2 * $0) & 3) - 2 }
      var (product, square) = (0.0, 0.0)
      for i in 0..<5 {
        for j in 0..<5 {
          product += codes[i] * Double(moment.row(i)[j]) * Double(weight.row(row)[j])
          square += codes[i] * Double(moment.row(i)[j]) * codes[j]
        }
      }
      let scale = square > 0 ? max(product / square, 0) : 0
      least = min(least, error(row, codes.map { $0 * scale }))
    }
    best += least
    reached += error(row, (0..<5).map { Double(found.row(row)[$0]) })
  }
  #expect(reached < 2.5 * best)
}

@Test func correctedOutputsHaveTheOriginalsMean() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 50, columns: 64, seed: 85)
  let weight = testWeight(rows: 8, columns: 64, seed: 86)
  let (_, values) = try stored("int2:g64", weight)
  let decoded = Matrix(rows: 8, columns: 64, values: values)
  let correction = BiasCorrection.correction(weight: weight, decoded: decoded, mean: inputs.mean)
  let exact = inputs.outputs(weight)
  let found = inputs.outputs(decoded)
  for row in 0..<8 {
    let bias = (0..<50).reduce(0.0) { $0 + exact[$1][row] - found[$1][row] } / 50
    #expect(abs(bias - Double(correction[row])) < 1e-4)
  }
}

@Test func refittedRowsAreAtTheirLeastSquares() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 80, columns: 64, seed: 87)
  let weight = testWeight(rows: 6, columns: 64, seed: 88)
  let format = IntegerFormat(bits: 2, granularity: .group(32), range: .extremes)
  let encoded = try format.encode(weight, importance: nil, work: work)
  let decoded = try format.decode(encoded, work: work)
  let factors = RowScaleRefit.factors(
    decoded: decoded, weight: weight, secondMoment: inputs.secondMoment)
  func error(_ scale: Float) -> Double {
    inputs.outputError(
      LinearAlgebra.scaleRows(of: decoded, by: factors.map { $0 * scale }), weight)
  }
  #expect(error(1) < error(0.98) && error(1) < error(1.02))
  let refitted = try format.decode(
    RowScaleRefit.applying(factors, to: encoded, format: format), work: work)
  #expect(inputs.outputError(refitted, weight) < inputs.outputError(decoded, weight))
}

@Test func allocatedBitsLeaveEveryGroupTheSameDistortionAtOnePrice() {
  var random = TestWeights(seed: 89)
  let groups = (0..<60).map { _ in
    RateAllocation.Group(
      weightCount: 1000 + Int(random.uniform() * 5000),
      sensitivity: pow(10, Double(random.uniform()) * 6 - 3))
  }
  for price in [0.001, 0.1, 1] {
    let found = RateAllocation(groups: groups, multiplier: price, mostBits: 8)
    for (bits, group) in zip(found.bits, groups) {
      if bits > 0, bits < 8 {
        #expect(abs(group.sensitivity * exp2(-2 * bits) / price - 1) < 1e-9)
      } else {
        #expect(bits == 0 ? group.sensitivity <= price : group.sensitivity >= price * 65_536)
      }
    }
  }
}

@Test func filledFormatsComeNearTheirBitsAndFollowSensitivity() {
  var random = TestWeights(seed: 90)
  let candidates = (0..<40).map { index in
    RateFill.Candidate(
      site: Site(
        index: index, name: "w\(index)", role: .ffnUp, block: index, rows: 128,
        columns: index % 3 == 0 ? 576 : 512, stored: .f16),
      sensitivity: exp2(Double(random.uniform()) * 8))
  }
  let weights = candidates.reduce(0.0) { $0 + Double($1.site.parameterCount) }
  for average in [3.8, 4.4, 5.5] {
    let formats = RateFill(bitsPerWeight: average).formats(for: candidates)
    let bits = zip(formats, candidates).reduce(0.0) { sum, pair in
      sum + 8 * Double(pair.0.byteCount(rows: 128, columns: pair.1.site.columns) ?? .max)
    }
    #expect(bits <= average * weights && bits > (average - 0.3) * weights)
    // Of sites of one shape, the more sensitive never gets fewer bits.
    let ordered = zip(candidates, formats).filter { $0.0.site.columns == 512 }
      .sorted { $0.0.sensitivity < $1.0.sensitivity }.map(\.1.bitsPerWeight)
    #expect(zip(ordered, ordered.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(ordered.first ?? 0 < ordered.last ?? 0)
  }
  // Fewer bits than any format has: the smallest everywhere.
  let least = RateFill(bitsPerWeight: 1).formats(for: candidates)
  #expect(Set(least.map(\.bitsPerWeight)).count <= 2)
}

@Test func aCandidateIsAsSensitiveAsItsVarianceTimesTheEnergyOfItsInputs() throws {
  let inputs = SolverInputs(tokens: 64, columns: 32, seed: 91)
  let weight = testWeight(rows: 6, columns: 32, seed: 92)
  let site = Site(
    index: 0, name: "w", role: .ffnUp, block: 0, rows: 6, columns: 32, stored: .f16)
  let mean = weight.values.reduce(0.0) { $0 + Double($1) } / 192
  let variance = weight.values.reduce(0.0) { $0 + pow(Double($1) - mean, 2) } / 192
  let plain = RateFill.Candidate(site: site, weight: weight, statistics: nil)
  #expect(abs(plain.sensitivity / variance - 1) < 1e-6)
  let energy =
    inputs.tokens.values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(inputs.tokens.count)
  let weighed = RateFill.Candidate(
    site: site, weight: weight,
    statistics: SiteCalibration(
      tokenCount: 64, secondMoment: inputs.secondMoment, mean: inputs.mean, minimum: inputs.mean,
      maximum: inputs.mean))
  #expect(abs(weighed.sensitivity / (variance * energy) - 1) < 1e-4)
}
