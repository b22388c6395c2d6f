import Testing
import ViseCompression
import ViseTensor

/// The least error over all cuts and bits, by trying every one.
private func leastError(_ energies: [Double], from start: Int, bits limit: Int) -> Double {
  guard start < energies.count else { return 0 }
  var best = Double.infinity
  for end in start + 1...energies.count {
    let energy = energies[start..<end].reduce(0, +)
    for bits in 0...8 {
      // Costs are rounded up to whole bytes.
      let cost = bits == 0 ? 0 : ((end - start) * bits + 16 + 7) / 8 * 8
      guard cost <= limit else { break }
      let rest = leastError(energies, from: end, bits: limit - cost)
      best = min(best, energy * SegmentAllocation.normalErrors[bits] + rest)
    }
  }
  return best
}

@Test(arguments: [0, 20, 40, 64, 90])
func segmentsAreTheBestOfAllCuts(limit: Int) {
  let energies = [9.0, 4, 1, 0.5, 0.02]
  let found = SegmentAllocation(energies: energies, bitCount: limit, unit: 1)
  let least = leastError(energies, from: 0, bits: limit / 8 * 8)
  #expect(abs(found.expectedError - least) < 1e-12)
  #expect(found.bitCount <= limit)
  #expect(found.segments.map(\.range.count).reduce(0, +) == 5)
  let error = found.segments.reduce(0.0) {
    $0 + energies[$1.range].reduce(0, +) * SegmentAllocation.normalErrors[$1.bits]
  }
  #expect(abs(error - least) < 1e-12)
}

@Test(arguments: [1, 2, 3, 5])
func adjustedCodesPointCloser(bits: Int) {
  var random = TestWeights(seed: 101)
  for _ in 0..<20 {
    let values = random.normal(32, deviation: 0.2)
    func error(_ sweeps: Int) -> Double {
      let codes = SegmentCodes(fitting: values, bits: bits, sweeps: sweeps)
      return squaredError(values, codes.values)
    }
    #expect(error(4) <= error(0) * 1.001)
    // The scale is the least-squares one.
    let codes = SegmentCodes(fitting: values, bits: bits)
    let best = squaredError(values, codes.values)
    for change in [Float(0.99), 1.01] {
      #expect(squaredError(values, codes.values.map { $0 * change }) > best)
    }
  }
}

@Test func principalComponentsStoreOutputsBetterThanColumns() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 200, columns: 64, seed: 102)
  let weight = testWeight(rows: 32, columns: 64, seed: 103)
  let quantizer = try SegmentedQuantizer(secondMoment: inputs.secondMoment)
  let encoded = try quantizer.encode(weight, bitsPerWeight: 3, work: RowWork(pool: nil))
  #expect(8 * encoded.byteCount <= 3 * 32 * 64 + 8 * 32)
  let error = inputs.outputError(quantizer.decode(encoded), weight)
  let (plain, values) = try stored(
    "int3:channel", weight, importance: LinearAlgebra.diagonal(of: inputs.secondMoment))
  #expect(plain.byteCount >= encoded.byteCount)
  #expect(error < 0.5 * inputs.outputError(Matrix(rows: 32, columns: 64, values: values), weight))
}

@Test func aBasisIsInvertedExactlyEnough() throws {
  try BLAS.load()
  let inputs = SolverInputs(tokens: 100, columns: 48, seed: 104)
  let quantizer = try SegmentedQuantizer(secondMoment: inputs.secondMoment)
  let product = LinearAlgebra.product(quantizer.analysis, quantizer.synthesis)
  for row in 0..<48 {
    for column in 0..<48 {
      #expect(abs(product.row(row)[column] - (row == column ? 1 : 0)) < 1e-3)
    }
  }
}
